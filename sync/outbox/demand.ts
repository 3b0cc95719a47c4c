/** The rate is looked at in stretches of so long, */
const STRETCH_MS = 10_000
/** and averaged over about so many of them: five minutes. */
const STRETCHES = 30

/** How many bytes of `critical` come in, on average of the last minutes. */
export class Demand {
  readonly #nowMs: () => number
  #sinceMs: number
  #bytes = 0
  #stretches = 0
  #bytesPerSec = 0

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs
    this.#sinceMs = nowMs()
  }

  note(bytes: number): void {
    this.#bytes += bytes
  }

  /** Bytes per second; of the first stretch nothing is known before its end. */
  bytesPerSec(): number {
    const elapsedMs = this.#nowMs() - this.#sinceMs
    if (elapsedMs < STRETCH_MS) return this.#bytesPerSec
    const rate = (this.#bytes / elapsedMs) * 1000
    const weight = Math.min(++this.#stretches, STRETCHES)
    this.#bytesPerSec += (rate - this.#bytesPerSec) / weight
    this.#bytes = 0
    this.#sinceMs = this.#nowMs()
    return this.#bytesPerSec
  }
}
