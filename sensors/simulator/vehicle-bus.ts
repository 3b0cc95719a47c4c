import type { DbcMessage } from '../dbc/database.ts'
import { FRAME_BRS, FRAME_EXT, FRAME_FD, FRAME_STRIDE, type FrameBatch } from '../frame.ts'
import { MessageEncoder, type ReadSignal } from './encode.ts'
import { Random } from './random.ts'
import { PROBES } from './signals.ts'
import { STEP_US, type Vehicle } from './vehicle.ts'
import { vehicleDatabase } from './vehicle-dbc.ts'

/** Time that a frame of 8 bytes takes at 500 kbit/s, stuff bits included. */
const FRAME_US = 240
/** Frames wait for the bus by chance. */
const JITTER_US = 60

interface Cyclic {
  readonly message: DbcMessage
  readonly encoder: MessageEncoder
  readonly read: ReadSignal
  readonly cycleUs: number
  readonly flags: number
  dueUs: number
  turn: number
}

/** The simulated vehicle's CAN bus: its messages, each in its own rhythm. */
export class VehicleBus {
  readonly vehicle: Vehicle
  /** Frames that one step can add to a batch at most. */
  readonly maxFramesPerStep: number
  readonly #bus: number
  readonly #jitter: Random
  readonly #messages: readonly Cyclic[]

  /** `rateScale` of 0.1 makes every message ten times rarer; physics is not touched. */
  constructor(vehicle: Vehicle, seed: number, bus = 0, rateScale = 1) {
    this.vehicle = vehicle
    this.#bus = bus
    this.#jitter = new Random(seed, 'bus')
    // The lower identifier wins the bus.
    const byPriority = [...vehicleDatabase().messages].sort((a, b) => priority(a) - priority(b))
    this.#messages = byPriority.map((message, i) => cyclic(message, i, vehicle, rateScale))
    this.maxFramesPerStep = this.#messages.length
  }

  /**
   * Lets one step of time pass and appends the frames that were sent in it, with simulated time.
   * The caller has made sure of room for `maxFramesPerStep`.
   */
  step(batch: FrameBatch): void {
    this.vehicle.step()
    let atUs = this.vehicle.timeUs
    for (const cyclic of this.#messages) {
      if (cyclic.dueUs > this.vehicle.timeUs) continue
      cyclic.dueUs += cyclic.cycleUs
      atUs += FRAME_US + Math.floor(this.#jitter.next() * JITTER_US)
      const slot = batch.count++
      batch.timeUs[slot] = atUs
      batch.bus[slot] = this.#bus
      batch.id[slot] = cyclic.message.id
      batch.flags[slot] = cyclic.flags
      batch.length[slot] = cyclic.message.length
      cyclic.encoder.encode(cyclic.read, batch.data, slot * FRAME_STRIDE)
      cyclic.turn++
    }
  }
}

function cyclic(message: DbcMessage, place: number, vehicle: Vehicle, rateScale: number): Cyclic {
  const steps = Math.ceil(((message.cycleTimeMs ?? 1000) * 1000) / rateScale / STEP_US)
  const probes = message.signals.map((signal) => {
    const probe = PROBES[`${message.name}.${signal.name}`]
    if (!probe) throw new Error(`no probe for ${message.name}.${signal.name}`)
    return probe
  })
  const self: Cyclic = {
    message,
    encoder: new MessageEncoder(message),
    read: (_, i) => probes[i](vehicle, self.turn),
    cycleUs: steps * STEP_US,
    flags: (message.ext ? FRAME_EXT : 0) | (message.fd ? FRAME_FD | FRAME_BRS : 0),
    // Spread over the cycle, so that slow messages do not all come at once.
    dueUs: (1 + (place % steps)) * STEP_US,
    turn: 0,
  }
  return self
}

function priority(message: DbcMessage): number {
  return message.ext ? message.id : message.id * 2 ** 18
}
