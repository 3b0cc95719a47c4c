/** The last readings of one signal, for a chart: times in seconds, as uPlot takes them. */
export class Track {
  readonly name: string
  readonly unit: string
  timesSec: number[] = []
  values: (number | null)[] = []
  /** Counts up with each reading, so that a chart sees whether there is anything to draw. */
  version = 0

  constructor(name: string, unit: string) {
    this.name = name
    this.unit = unit
  }

  /** Takes a reading; what is older than `keepSec` before it goes. A clock that steps back starts anew. */
  push(timeUs: number, value: number | string, keepSec: number): void {
    const sec = timeUs / 1e6
    const last = this.timesSec.at(-1)
    if (last !== undefined && sec < last) {
      if (last - sec < 1) return
      this.timesSec = []
      this.values = []
    }
    this.timesSec.push(sec)
    this.values.push(typeof value === 'number' ? value : null)
    this.version++
    // Seldom, and many at once: cutting at each reading would move the whole array each time.
    let old = 0
    while (this.timesSec[old] < sec - keepSec) old++
    if (old > 64) {
      this.timesSec.splice(0, old)
      this.values.splice(0, old)
    }
  }

  get latest(): number | null | undefined {
    return this.values.at(-1)
  }

  /** Smallest and largest from `fromSec` on; undefined where there is no number. */
  range(fromSec: number): { min: number; max: number } | undefined {
    let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (let i = this.values.length - 1; i >= 0 && this.timesSec[i] >= fromSec; i--) {
      const value = this.values[i]
      if (value === null) continue
      min = Math.min(min, value)
      max = Math.max(max, value)
    }
    return min <= max ? { min, max } : undefined
  }
}
