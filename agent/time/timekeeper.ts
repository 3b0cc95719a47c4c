import type { Clock } from '../../sensors/sensor.ts'
import type { ClockState } from '../../sync/record.ts'
import { clockState } from '../clock.ts'

/** A change of wall time against monotonic time beyond this is a jump, not a slew. */
const JUMP_US = 1_000_000
/** Satellite time is used again for a repair after so long: its receiver may have been cold. */
const SATELLITE_EVERY_US = 60_000_000

export interface TimekeeperHost {
  readonly clock: Clock
  /** Gives waiting records of this boot, whose time was not known, the time `monoUs + offsetUs`. */
  repair(offsetUs: number): Promise<number>
  /** The wall clock was set: by so many microseconds, forward or back. */
  jumped(byUs: number): void
  repaired(records: number, source: 'clock' | 'satellite'): void
  failed(error: unknown): void
}

/**
 * Watches the wall clock against the monotonic one. A gateway without a clock battery starts in 1970;
 * once its clock is set, or a satellite tells the time, the records that wait are repaired.
 */
export class Timekeeper {
  readonly #host: TimekeeperHost
  #offsetUs: number
  #state: ClockState
  #lastSatelliteUs = Number.NEGATIVE_INFINITY
  #repairing: Promise<void> | undefined

  constructor(host: TimekeeperHost) {
    this.#host = host
    const wallUs = host.clock.nowUs()
    this.#offsetUs = wallUs - host.clock.monoUs()
    this.#state = clockState(wallUs)
  }

  /** To be called each second or so. */
  look(): void {
    const { clock } = this.#host
    const wallUs = clock.nowUs()
    const offsetUs = wallUs - clock.monoUs()
    const byUs = offsetUs - this.#offsetUs
    this.#offsetUs = offsetUs
    if (Math.abs(byUs) > JUMP_US) this.#host.jumped(byUs)
    const before = this.#state
    this.#state = clockState(wallUs)
    if (before === 'unsynced' && this.#state === 'synced') this.#repair(offsetUs, 'clock')
  }

  /** A satellite receiver told the time of day; it is only needed while the clock does not know it. */
  satellite(utcUs: number, monoUs: number): void {
    if (this.#state !== 'unsynced' || clockState(utcUs) !== 'synced') return
    if (monoUs - this.#lastSatelliteUs < SATELLITE_EVERY_US) return
    this.#lastSatelliteUs = monoUs
    this.#repair(utcUs - monoUs, 'satellite')
  }

  /** Settles when no repair is under way. */
  async idle(): Promise<void> {
    await this.#repairing
  }

  #repair(offsetUs: number, source: 'clock' | 'satellite'): void {
    const before = this.#repairing ?? Promise.resolve()
    this.#repairing = before.then(async () => {
      try {
        this.#host.repaired(await this.#host.repair(offsetUs), source)
      } catch (error) {
        this.#host.failed(error)
      }
    })
  }
}
