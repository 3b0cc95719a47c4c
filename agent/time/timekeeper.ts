import { clockSet } from './clock-set.ts'
import { type ClockTrust, JUMP_US, type Now } from './clock-trust.ts'

/** Satellite time is used again for a repair after so long: its receiver may have been cold. */
const SATELLITE_EVERY_US = 60_000_000

export interface TimekeeperHost {
  readonly trust: ClockTrust
  /** Gives waiting records of this boot, whose time was not known, the time `monoUs + offsetUs`. */
  repair(offsetUs: number): Promise<number>
  /** The wall clock was set: by so many microseconds, forward or back. */
  jumped(byUs: number): void
  repaired(records: number, source: 'clock' | 'satellite'): void
  failed(error: unknown): void
}

/**
 * Watches the wall clock against the monotonic one. A gateway without a clock battery starts in 1970, or
 * where it lost power; once its clock is vouched for, or a satellite tells the time, the records that
 * wait are repaired.
 */
export class Timekeeper {
  readonly #host: TimekeeperHost
  #offsetUs: number
  /** What the records were told that wait; those of an earlier run in this boot may want repair too. */
  #state: Now['state'] = 'unsynced'
  #lastSatelliteUs = Number.NEGATIVE_INFINITY
  #repairing: Promise<void> | undefined

  constructor(host: TimekeeperHost) {
    this.#host = host
    const { nowUs, monoUs } = host.trust.now()
    this.#offsetUs = nowUs - monoUs
  }

  /** To be called each second or so. */
  look(): void {
    this.#host.trust.ask()
    const now = this.#host.trust.now()
    const offsetUs = now.nowUs - now.monoUs
    const byUs = offsetUs - this.#offsetUs
    this.#offsetUs = offsetUs
    if (Math.abs(byUs) > JUMP_US) this.#host.jumped(byUs)
    this.#enter(now)
  }

  /** A satellite receiver told the time of day; it is only needed while nobody else vouches. */
  satellite(utcUs: number, monoUs: number): void {
    const { trust } = this.#host
    if (trust.satellite(utcUs, monoUs)) {
      this.#enter(trust.now())
      return
    }
    if (trust.now().state !== 'unsynced' || !clockSet(utcUs)) return
    if (monoUs - this.#lastSatelliteUs < SATELLITE_EVERY_US) return
    this.#lastSatelliteUs = monoUs
    this.#repair(utcUs - monoUs, 'satellite')
  }

  #enter({ state, nowUs, monoUs, by }: Now): void {
    const before = this.#state
    this.#state = state
    if (before === 'unsynced' && state === 'synced') {
      this.#repair(nowUs - monoUs, by === 'satellite' ? 'satellite' : 'clock')
    }
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
