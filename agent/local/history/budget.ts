const HOUR_US = 3_600_000_000
/** What may be written at once, as a share of an hour: a burst of five minutes. */
const BURST = 1 / 12
/** Waits between two readings of a signal in the fullest tier, from none to as rare as the next tier. */
const STEPS_US = [0, 50_000, 100_000, 200_000, 500_000, 1_000_000] as const

/**
 * What may be written to the flash in an hour. Where readings come faster than it allows, the fullest
 * tier takes them less often, step by step; the thinned tiers are small and always written.
 */
export class WriteBudget {
  readonly #bytesPerUs: number
  readonly #burstBytes: number
  readonly #monoUs: () => number
  #bytes: number
  #atUs: number
  #step = 0
  #written = 0

  constructor(bytesPerHour: number, monoUs: () => number) {
    this.#bytesPerUs = bytesPerHour / HOUR_US
    this.#burstBytes = bytesPerHour * BURST
    this.#monoUs = monoUs
    this.#bytes = this.#burstBytes
    this.#atUs = monoUs()
  }

  get writtenBytes(): number {
    return this.#written
  }

  /** Readings of one signal closer together than this are left to the thinned tiers. */
  get everyUs(): number {
    return STEPS_US[this.#step]
  }

  /** Something was written; looks whether to take more or less from now on. */
  wrote(bytes: number): void {
    this.#refill()
    this.#written += bytes
    this.#bytes -= bytes
    if (this.#bytes < this.#burstBytes / 4 && this.#step < STEPS_US.length - 1) this.#step++
    else if (this.#bytes > (this.#burstBytes * 3) / 4 && this.#step > 0) this.#step--
  }

  /** Whether a block of the fullest tier may be written now. */
  allows(bytes: number): boolean {
    this.#refill()
    return this.#bytes >= bytes
  }

  #refill(): void {
    const nowUs = this.#monoUs()
    const more = (nowUs - this.#atUs) * this.#bytesPerUs
    this.#bytes = Math.min(this.#burstBytes, this.#bytes + more)
    this.#atUs = nowUs
  }
}
