import { z } from 'zod'
import { FrameBatch } from '../frame.ts'
import { ReadingBatch } from '../reading.ts'
import type { Sensor, SensorContext, SensorKind } from '../sensor.ts'
import { waitUntil } from '../wait.ts'
import { PROFILES } from './driver.ts'
import { EcuSide, ecuConfig } from './ecu/ecu-side.ts'
import { FAULT_KINDS, type FaultKind, faultsIn } from './faults.ts'
import { STEP_US, Vehicle } from './vehicle.ts'
import { VehicleBus } from './vehicle-bus.ts'

const fault = z.strictObject({
  kind: z.enum(FAULT_KINDS),
  /** Seconds of simulated time after the start. */
  atSec: z.number().min(0),
  /** How fast it grows, 1 as the README lists it. */
  rate: z.number().positive().max(10_000).default(1),
})

const config = z.strictObject({
  /** The same seed gives the same drive. */
  seed: z.number().int().default(1),
  /** Simulated seconds in a second. */
  speed: z.number().positive().max(1000).default(1),
  /**
   * `now`: frames carry the clock's time, as from hardware; at another speed than 1 the drive is then
   * squeezed into it. `drive`: they carry the vehicle's own time, `startAgoSec` before the start on.
   */
  timestamps: z.enum(['now', 'drive']).default('now'),
  startAgoSec: z.number().min(0).default(0),
  profile: z.enum(PROFILES).default('mixed'),
  faults: z.array(fault).max(64).default([]),
  /** 0.1 makes every message ten times rarer. */
  rateScale: z.number().min(0.001).max(1).default(1),
  /** An ECU on the same bus that answers OBD and UDS, and speaks J1939; left out: none. */
  ecu: ecuConfig.optional(),
})

export type SimulatorConfig = z.infer<typeof config>

/** Name of the reading that tells the truth: a bit for each of `FAULT_KINDS`, 0 while all is well. */
export const FAULT_SIGNAL = 'Simulator.Fault'

/** How often the truth is told while it does not change, simulated. */
const TRUTH_INTERVAL_US = 1_000_000
/** Real time between two looks at the clock. */
const TICK_US = 10_000
/** A process that was stopped for longer than this lets the vehicle stand still meanwhile. */
const MAX_CATCH_UP_US = 2_000_000

export const simulator: SensorKind<SimulatorConfig> = {
  kind: 'simulator',
  config,
  create: (config) => new SimulatorSensor(config),
}

/** A vehicle in the place of hardware. Run again, it drives on from where it stood. */
export class SimulatorSensor implements Sensor {
  readonly vehicle: Vehicle
  /** The other side of OBD, UDS and J1939, while it runs and the config has one. */
  ecu: EcuSide | undefined
  readonly #config: SimulatorConfig
  #bus: VehicleBus | undefined
  readonly #batch = new FrameBatch()
  readonly #truth = new ReadingBatch(1)
  /** Wall time at which the vehicle's own time was 0, where frames carry that. */
  #driveBeganUs: number | undefined
  #told = Number.NaN
  #tellUs = 0

  constructor(config: SimulatorConfig) {
    this.#config = config
    this.vehicle = new Vehicle(config)
  }

  /** Breaks something now. */
  startFault(kind: FaultKind, rate = 1): void {
    this.vehicle.faults.start(kind, rate)
  }

  /** Ends a fault's cause; what it did stays. */
  stopFault(kind: FaultKind): void {
    this.vehicle.faults.stop(kind)
  }

  activeFaults(): FaultKind[] {
    return faultsIn(this.vehicle.faults.mask)
  }

  async run(context: SensorContext, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const { clock } = context
    const { seed, rateScale, speed } = this.#config
    this.#bus ??= new VehicleBus(this.vehicle, seed, context.bus, rateScale)
    const truth = context.catalog.intern(FAULT_SIGNAL).index
    let anchor = this.#anchor(context)
    const { timestamps, startAgoSec } = this.#config
    const beganUs = (this.#driveBeganUs ??= anchor.wallUs - startAgoSec * 1e6)
    const { ecu } = this.#config
    const side = ecu && new EcuSide(ecu, this.vehicle, context)
    this.ecu = side
    signal.addEventListener('abort', () => side?.close(), { once: true })
    context.opened()
    while (!signal.aborted) {
      side?.tick()
      const monoUs = clock.monoUs()
      let untilUs = anchor.simUs + (monoUs - anchor.monoUs) * speed
      if (untilUs - this.vehicle.timeUs > MAX_CATCH_UP_US * Math.max(1, speed)) {
        anchor = this.#anchor(context)
        untilUs = anchor.simUs
      }
      const { wallUs, simUs } = anchor
      this.#drive(context, truth, untilUs, (us) =>
        Math.round(timestamps === 'drive' ? beganUs + us : wallUs + (us - simUs) / speed),
      )
      const nextUs = anchor.monoUs + (this.vehicle.timeUs + STEP_US - anchor.simUs) / speed
      await waitUntil(clock, Math.max(nextUs, monoUs + TICK_US), signal)
    }
  }

  /** Lets the vehicle go until `untilUs` of its own time and delivers all that it says. */
  #drive(
    context: SensorContext,
    truth: number,
    untilUs: number,
    wallOf: (simUs: number) => number,
  ): void {
    const bus = this.#bus as VehicleBus
    const batch = this.#batch
    const flush = (): void => {
      for (let i = 0; i < batch.count; i++) batch.timeUs[i] = wallOf(batch.timeUs[i])
      if (batch.count > 0) context.frames(batch)
      batch.count = 0
    }
    while (this.vehicle.timeUs + STEP_US <= untilUs) {
      bus.step(batch)
      const { mask } = this.vehicle.faults
      if (mask !== this.#told || this.vehicle.timeUs >= this.#tellUs) {
        // What was seen before the change is told before it.
        flush()
        this.#told = mask
        this.#tellUs = this.vehicle.timeUs + TRUTH_INTERVAL_US
        this.#truth.count = 0
        this.#truth.push(truth, mask, wallOf(this.vehicle.timeUs))
        context.readings(this.#truth)
      } else if (batch.count + bus.maxFramesPerStep > batch.capacity) flush()
    }
    flush()
  }

  #anchor({ clock }: SensorContext) {
    return { monoUs: clock.monoUs(), wallUs: clock.nowUs(), simUs: this.vehicle.timeUs }
  }
}
