import { z } from 'zod'
import { VirtualBus } from '../../can/virtual-bus.ts'
import { FRAME_STRIDE, FrameBatch } from '../../frame.ts'
import { normalFixed, opposite } from '../../isotp/address.ts'
import type { SensorContext } from '../../sensor.ts'
import type { Vehicle } from '../vehicle.ts'
import { ecuBehaviour } from './behaviour.ts'
import { SimulatedEcu } from './ecu.ts'
import { vehicleGroups } from './j1939-groups.ts'
import { J1939Node } from './j1939-node.ts'
import { VehicleData } from './vehicle-data.ts'

/** The simulated ECUs, as the simulator's config has them. */
export const ecuConfig = z.strictObject({
  /** 29-bit identifiers: 0x18DA10F1 in the place of 0x7E0. */
  ext: z.boolean().default(false),
  vin: z
    .string()
    .regex(/^[A-HJ-NPR-Z0-9]{17}$/, 'expected 17 capitals and digits, without I, O and Q')
    .default('WMPSXM00000000001'),
  behaviour: ecuBehaviour.prefault({}),
  /** The engine also speaks J1939, from source address 0. */
  j1939: z.boolean().default(false),
})

export type EcuConfig = z.infer<typeof ecuConfig>

/** Address of the engine's ECU with 29-bit identifiers. */
const ENGINE = 0x10

/**
 * The ECUs of the simulated vehicle on its bus: what they send becomes frames of the simulator, what
 * others send on that bus reaches them.
 */
export class EcuSide {
  readonly engine: SimulatedEcu
  readonly truck: J1939Node | undefined
  readonly #data: VehicleData
  readonly #release: () => void

  constructor(config: EcuConfig, vehicle: Vehicle, context: SensorContext) {
    const { clock } = context
    const bus = new VirtualBus(clock, context.channel.bus)
    const gate = bus.channel()
    const batch = new FrameBatch(1)
    const unlisten = gate.onFrame(
      [
        { id: 0, mask: 0, ext: false },
        { id: 0, mask: 0, ext: true },
      ],
      ({ timeUs, id, flags, data }) => {
        batch.count = 1
        batch.timeUs[0] = timeUs
        batch.bus[0] = context.bus
        batch.id[0] = id
        batch.flags[0] = flags
        batch.length[0] = data.length
        batch.data.set(data.subarray(0, FRAME_STRIDE))
        context.frames(batch)
      },
    )
    this.#data = new VehicleData(vehicle, config.vin)
    const tester = config.ext ? normalFixed(ENGINE) : { txId: 0x7e0, rxId: 0x7e8, ext: false }
    this.engine = new SimulatedEcu(bus.channel(), opposite(tester), clock, this.#data, {
      behaviour: config.behaviour,
    })
    this.truck = config.j1939
      ? new J1939Node(bus.channel(), 0, clock, vehicleGroups(vehicle, config.vin))
      : undefined
    const withdraw = context.offerSending((id, ext, data, flags) => gate.send(id, ext, data, flags))
    this.#release = () => {
      withdraw()
      unlisten()
      this.engine.close()
      this.truck?.close()
    }
  }

  /** Lets time pass for the ECUs: faults of the vehicle become trouble codes. */
  tick(): void {
    this.#data.watch(this.engine.memory, this.truck)
    this.truck?.tick()
  }

  close(): void {
    this.#release()
  }
}
