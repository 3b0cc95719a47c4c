/** Durations that are remembered. */
const REMEMBERED = 512

/** How long the last transactions took. */
export class Latencies {
  readonly #lastMs: number[] = []

  add(ms: number): void {
    this.#lastMs.push(ms)
    if (this.#lastMs.length > REMEMBERED) this.#lastMs.shift()
  }

  /** Median and 99th percentile, milliseconds; 0 before the first. */
  quantiles(): { p50: number; p99: number } {
    const sorted = [...this.#lastMs].sort((a, b) => a - b)
    const at = (part: number) => sorted[Math.floor(sorted.length * part)] ?? 0
    return { p50: at(0.5), p99: at(0.99) }
  }
}
