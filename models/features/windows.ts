import type { InputSpec } from './spec.ts'

/** Aggregates of one stretch of time. */
export type Simple = Exclude<InputSpec['aggregate'], 'change'>

/** Readings of one signal taken together; NaN where it was not kept. */
export interface Summary {
  readonly count: number
  readonly mean: number
  readonly min: number
  readonly max: number
  readonly last: number
}

/** Bytes of one cell: seven doubles. */
export const CELL_BYTES = 56

/**
 * What the readings of each signal came to in each of its last steps. Signals have as many cells as they
 * need, side by side: only few of them are looked back at for long.
 */
export class Windows {
  /** Times of the oldest and newest reading in what was aggregated last. */
  fromUs = 0
  toUs = 0
  readonly #slots: Int32Array
  /** Where the cells of each signal begin. */
  readonly #base: Int32Array
  readonly #count: Float64Array
  readonly #sum: Float64Array
  readonly #min: Float64Array
  readonly #max: Float64Array
  readonly #last: Float64Array
  readonly #firstUs: Float64Array
  readonly #lastUs: Float64Array

  /**
   * @param slots of each signal: its longest window's, and those that may be open at once
   */
  constructor(slots: Int32Array) {
    let cells = 0
    this.#base = slots.map((count) => {
      cells += count
      return cells - count
    })
    const array = () => new Float64Array(cells)
    this.#slots = slots
    this.#count = array()
    this.#sum = array()
    this.#min = array()
    this.#max = array()
    this.#last = array()
    this.#firstUs = array()
    this.#lastUs = array()
  }

  /** The cell of a signal's step. */
  at(signal: number, step: number): number {
    return this.#base[signal] + (step % this.#slots[signal])
  }

  take(at: number, value: number, timeUs: number): void {
    if (this.#count[at]++ === 0) {
      this.#sum[at] = this.#min[at] = this.#max[at] = this.#last[at] = value
      this.#firstUs[at] = this.#lastUs[at] = timeUs
      return
    }
    this.#sum[at] += value
    if (value < this.#min[at]) this.#min[at] = value
    if (value > this.#max[at]) this.#max[at] = value
    this.#timed(at, value, timeUs)
  }

  summary(at: number, of: Summary, timeUs: number): void {
    const first = this.#count[at] === 0
    this.#count[at] += of.count
    this.#sum[at] = of.mean * of.count + (first ? 0 : this.#sum[at])
    this.#min[at] = first ? of.min : Math.min(this.#min[at], of.min)
    this.#max[at] = first ? of.max : Math.max(this.#max[at], of.max)
    if (first) {
      this.#last[at] = of.last
      this.#firstUs[at] = this.#lastUs[at] = timeUs
    } else this.#timed(at, of.last, timeUs)
  }

  #timed(at: number, last: number, timeUs: number): void {
    if (timeUs < this.#firstUs[at]) this.#firstUs[at] = timeUs
    if (timeUs < this.#lastUs[at]) return
    this.#lastUs[at] = timeUs
    this.#last[at] = last
  }

  /** Of a signal's readings in the `steps` that end with this one; NaN where there are none. */
  aggregate(signal: number, step: number, steps: number, kind: Simple): number {
    let readings = 0
    let value = Number.NaN
    this.fromUs = Number.POSITIVE_INFINITY
    this.toUs = Number.NEGATIVE_INFINITY
    for (let back = steps - 1; back >= 0; back--) {
      if (step < back) continue
      const at = this.at(signal, step - back)
      if (this.#count[at] === 0) continue
      if (readings === 0) this.fromUs = this.#firstUs[at]
      this.toUs = this.#lastUs[at]
      if (kind === 'last') {
        value = this.#last[at]
        this.fromUs = this.toUs
      } else if (kind === 'mean') value = readings === 0 ? this.#sum[at] : value + this.#sum[at]
      else if (kind === 'min')
        value = readings === 0 ? this.#min[at] : Math.min(value, this.#min[at])
      else value = readings === 0 ? this.#max[at] : Math.max(value, this.#max[at])
      readings += this.#count[at]
    }
    return kind === 'mean' && readings > 0 ? value / readings : value
  }

  /** Empties the cells of this step. */
  clearStep(step: number): void {
    for (let signal = 0; signal < this.#slots.length; signal++) {
      this.#count[this.at(signal, step)] = 0
    }
  }

  clear(): void {
    this.#count.fill(0)
  }
}
