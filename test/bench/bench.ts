/** One figure of ours beside a named peer's, from the same run. */
export interface BenchRow {
  readonly name: string
  /** Of both figures: `frames/s`, `µs/row`. */
  readonly unit: string
  readonly ours: number
  readonly peer: string
  readonly theirs: number
  /** How many times better ours is; below 1 it is worse. */
  readonly ratio: number
}

/** The middle of some figures; the mean of the two middle ones where their number is even. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}
