import type { Clock } from '../../sensors/sensor.ts'
import type { ClockState } from '../../sync/record.ts'
import { clockSet } from './clock-set.ts'

/** A change of wall time against monotonic time beyond this is a jump, not a slew. */
export const JUMP_US = 1_000_000
/** A satellite receiver's sentence is up to a second old; a clock that is so near to it is right. */
const SATELLITE_AGREES_US = 2_000_000
/**
 * A clock that was right and has not jumped stays right for so long. The kernel takes its word back
 * after some nine hours without NTP, when its own estimate of the error passes 16 s; a crystal that is
 * 100 ppm off is a minute off after this.
 */
const HOLDOVER_US = 7 * 86_400 * 1e6

/**
 * Who vouches for the wall clock: the kernel (adjtimex), a satellite receiver, the config, which says
 * that a battery keeps it, or its year alone, where the kernel cannot be asked.
 */
export type Voucher = 'kernel' | 'satellite' | 'battery' | 'year'

/** A clock that may know whether somebody keeps it. */
export interface KeptClock extends Clock {
  /** Whether NTP, PTP or the like keeps it; undefined where that cannot be told. */
  kept?(): boolean | undefined
}

/** Both clocks at one instant, and whether the wall clock can be believed. */
export interface Now {
  readonly nowUs: number
  readonly monoUs: number
  readonly state: Exclude<ClockState, 'repaired'>
  /** Absent where nobody vouches, or the clock was never set. */
  readonly by?: Voucher
  /** Wall minus monotonic time before the last jump. */
  readonly offsetBeforeUs?: number
}

/**
 * Whether the wall clock can be believed. Its year alone does not say so: a gateway without a battery
 * goes on from a time that was saved before it lost power, days ago and in a year that looks right.
 */
export class ClockTrust {
  readonly #clock: KeptClock
  readonly #battery: boolean
  /** Who vouched last, for which offset of the wall clock, and when. */
  #word: { by: 'kernel' | 'satellite'; offsetUs: number; monoUs: number } | undefined
  #kernelSays: boolean | undefined
  #offsetUs: number
  #offsetBeforeUs: number | undefined

  /** @param battery the config's word that the clock is kept when the power is off */
  constructor(clock: KeptClock, battery = false) {
    this.#clock = clock
    this.#battery = battery
    this.#offsetUs = clock.nowUs() - clock.monoUs()
    this.ask()
  }

  /** Asks the kernel anew; to be called each second or so. */
  ask(): void {
    this.#kernelSays = this.#clock.kept?.()
    if (this.#kernelSays) this.#vouch('kernel')
  }

  /** A satellite receiver told the time of day; answers whether the wall clock says the same. */
  satellite(utcUs: number, monoUs: number): boolean {
    const offsetUs = this.#clock.nowUs() - this.#clock.monoUs()
    const agrees = clockSet(utcUs) && Math.abs(utcUs - monoUs - offsetUs) <= SATELLITE_AGREES_US
    if (agrees && !this.#kernelSays) this.#vouch('satellite')
    return agrees
  }

  now(): Now {
    const nowUs = this.#clock.nowUs()
    const monoUs = this.#clock.monoUs()
    const offsetUs = nowUs - monoUs
    if (Math.abs(offsetUs - this.#offsetUs) > JUMP_US) this.#offsetBeforeUs = this.#offsetUs
    this.#offsetUs = offsetUs
    const offsetBeforeUs = this.#offsetBeforeUs
    const jump = offsetBeforeUs === undefined ? {} : { offsetBeforeUs }
    if (this.#word && !this.#stillHolds(nowUs, monoUs)) {
      this.#word = undefined
      this.ask()
    }
    const by = this.#voucher()
    if (!by || !clockSet(nowUs)) return { nowUs, monoUs, state: 'unsynced', ...jump }
    return { nowUs, monoUs, state: 'synced', by, ...jump }
  }

  #voucher(): Voucher | undefined {
    if (this.#word) return this.#word.by
    if (this.#battery) return 'battery'
    return this.#kernelSays === undefined ? 'year' : undefined
  }

  #stillHolds(nowUs: number, monoUs: number): boolean {
    const { offsetUs, monoUs: sinceUs } = this.#word!
    return Math.abs(nowUs - monoUs - offsetUs) <= JUMP_US && monoUs - sinceUs <= HOLDOVER_US
  }

  #vouch(by: 'kernel' | 'satellite'): void {
    const monoUs = this.#clock.monoUs()
    this.#word = { by, offsetUs: this.#clock.nowUs() - monoUs, monoUs }
  }
}
