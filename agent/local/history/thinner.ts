import type { Chunk } from './chunk.ts'

/** A span of a signal that nothing more came for is written after this many spans. */
const IDLE_SPANS = 2

/**
 * Thins readings to one entry a signal and span, with the least, the most and the last: what happened
 * in between stays to be seen. The spans are whole multiples of their length since the epoch.
 */
export class Thinner {
  readonly #spanUs: number
  readonly #full: () => void
  readonly #chunk: Chunk
  /** Span that each signal is in; -1 for none. */
  #span: Float64Array = new Float64Array(256).fill(-1)
  #timeUs: Float64Array = new Float64Array(256)
  #last: Float64Array = new Float64Array(256)
  #min: Float64Array = new Float64Array(256)
  #max: Float64Array = new Float64Array(256)

  /** @param full empties the chunk, which is full */
  constructor(spanUs: number, chunk: Chunk, full: () => void) {
    this.#spanUs = spanUs
    this.#chunk = chunk
    this.#full = full
  }

  /** Makes room for signals up to `size`. */
  reserve(size: number): void {
    if (size <= this.#span.length) return
    const capacity = 2 ** Math.ceil(Math.log2(size))
    const grown = (from: Float64Array, fill: number): Float64Array => {
      const to = new Float64Array(capacity).fill(fill)
      to.set(from)
      return to
    }
    this.#span = grown(this.#span, -1)
    this.#timeUs = grown(this.#timeUs, 0)
    this.#last = grown(this.#last, 0)
    this.#min = grown(this.#min, 0)
    this.#max = grown(this.#max, 0)
  }

  add(signal: number, timeUs: number, value: number): void {
    const span = Math.floor(timeUs / this.#spanUs)
    if (span !== this.#span[signal]) {
      if (this.#span[signal] >= 0) this.#emit(signal)
      this.#span[signal] = span
      this.#min[signal] = value
      this.#max[signal] = value
    } else if (value < this.#min[signal]) this.#min[signal] = value
    else if (value > this.#max[signal]) this.#max[signal] = value
    this.#timeUs[signal] = timeUs
    this.#last[signal] = value
  }

  /** Closes spans that ended before `nowUs`; all of them where it is not given. */
  settle(nowUs = Number.POSITIVE_INFINITY): void {
    const before = Math.floor(nowUs / this.#spanUs) - IDLE_SPANS
    for (let signal = 0; signal < this.#span.length; signal++) {
      if (this.#span[signal] < 0 || this.#span[signal] > before) continue
      this.#emit(signal)
      this.#span[signal] = -1
    }
  }

  #emit(signal: number): void {
    if (this.#chunk.full) this.#full()
    this.#chunk.push(
      signal,
      this.#timeUs[signal],
      this.#last[signal],
      this.#min[signal],
      this.#max[signal],
    )
  }
}
