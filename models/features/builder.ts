import type { ReadingBatch, Signal } from '../../sensors/reading.ts'
import { type FeatureRow, type RowCounts, RowMaker } from './row.ts'
import type { FeatureSpec } from './spec.ts'

/** What the builder needs of a `SignalCatalog`: signals are only ever added to it. */
export interface CatalogView {
  readonly size: number
  at(index: number): Signal
}

/** A signal that was there under the right name and could not be used. */
export interface UnitProblem {
  readonly signal: string
  readonly unit: string
  readonly wanted: string
}

/** A step back of the clock by more than this starts the builder anew. */
export const CLOCK_BACK_US = 60_000_000

/** Readings of one signal taken together; NaN where it was not kept. */
export interface Summary {
  readonly count: number
  readonly mean: number
  readonly min: number
  readonly max: number
  readonly last: number
}

/** Readings, taken together into windows. */
interface Window {
  count: Float64Array
  sum: Float64Array
  min: Float64Array
  max: Float64Array
  last: Float64Array
  firstUs: Float64Array
  lastUs: Float64Array
}

/**
 * Turns readings into feature rows: a row for each step of `sampleEveryMs` (on whole multiples
 * since the epoch) in which any of its signals was read. A step closes once a reading has come that
 * is later than its end by `graceMs`, so rows depend on the readings alone and never on the clock of
 * the machine: the same readings give the same rows, to the bit, on a vehicle and in training.
 * Memory is fixed by the spec.
 */
export class FeatureBuilder {
  /** Readings older than an already closed step, left out. */
  late = 0
  /** Readings of values that are no finite number, left out. */
  rejected = 0
  /** Times that the clock was seen to step back by more than `CLOCK_BACK_US`. */
  restarts = 0
  readonly problems: UnitProblem[] = []
  readonly #spec: FeatureSpec
  readonly #catalog: CatalogView
  readonly #maker: RowMaker
  readonly #stepUs: number
  readonly #graceUs: number
  readonly #steps: number
  readonly #slots: number
  /** Signals of the spec without repetition; an input names one by its place here. */
  readonly #names: readonly string[]
  readonly #sourceOf: Int32Array
  #place = new Int32Array(0)
  #seen = 0
  readonly #window: Window
  /** The step that closes next, as a count of `sampleEveryMs` since the epoch; -1: none yet. */
  #open = -1
  #newestUs = 0
  /** Newest step that has a reading. */
  #top = -1
  readonly #values: Float64Array
  readonly #fromUs: Float64Array
  readonly #toUs: Float64Array

  constructor(spec: FeatureSpec, catalog: CatalogView) {
    this.#spec = spec
    this.#catalog = catalog
    this.#maker = new RowMaker(spec)
    this.#stepUs = spec.sampleEveryMs * 1000
    this.#graceUs = spec.graceMs * 1000
    this.#steps = spec.windowMs / spec.sampleEveryMs
    // Steps of the window, and those that may be open at once while waiting for slow buses.
    this.#slots = this.#steps + Math.ceil(spec.graceMs / spec.sampleEveryMs) + 1
    this.#names = [...new Set(spec.inputs.map(({ signal }) => signal))]
    this.#sourceOf = Int32Array.from(spec.inputs, ({ signal }) => this.#names.indexOf(signal))
    const cells = this.#names.length * this.#slots
    const array = () => new Float64Array(cells)
    this.#window = {
      count: array(),
      sum: array(),
      min: array(),
      max: array(),
      last: array(),
      firstUs: array(),
      lastUs: array(),
    }
    this.#values = new Float64Array(spec.inputs.length)
    this.#fromUs = new Float64Array(spec.inputs.length)
    this.#toUs = new Float64Array(spec.inputs.length)
  }

  get counts(): Readonly<RowCounts> {
    return this.#maker.counts
  }

  /** Rows that each input cost by being missing, by its index. */
  get skippedBy(): Readonly<Uint32Array> {
    return this.#maker.skippedBy
  }

  /** Takes readings in and hands out each row that they complete. `emit` must copy what it keeps. */
  push(batch: ReadingBatch, emit: (row: FeatureRow) => void): void {
    if (this.#catalog.size > this.#seen) this.#learnSignals()
    for (let i = 0; i < batch.count; i++) {
      const source = this.#place[batch.signal[i]]
      if (source < 0) continue
      const value = batch.value[i]
      if (!Number.isFinite(value)) {
        this.rejected++
        continue
      }
      this.#take(source, value, batch.timeUs[i], emit)
    }
  }

  /**
   * Takes in what many readings of one signal came to, as a log of windows has them. What of it is not
   * known is NaN, and missing for an input that asks for it.
   * @param timeUs of the newest of these readings
   */
  summary(signal: number, of: Summary, timeUs: number, emit: (row: FeatureRow) => void): void {
    if (this.#catalog.size > this.#seen) this.#learnSignals()
    const source = this.#place[signal]
    if (source < 0 || !(of.count > 0)) return
    const at = this.#cell(source, timeUs, emit)
    if (at < 0) return
    const window = this.#window
    const first = window.count[at] === 0
    window.count[at] += of.count
    window.sum[at] = of.mean * of.count + (first ? 0 : window.sum[at])
    window.min[at] = first ? of.min : Math.min(window.min[at], of.min)
    window.max[at] = first ? of.max : Math.max(window.max[at], of.max)
    if (first) {
      window.last[at] = of.last
      window.firstUs[at] = window.lastUs[at] = timeUs
    } else this.#timed(at, of.last, timeUs)
  }

  /**
   * Makes a row of values that are already one for each input, as a CSV file has them, by the same
   * rules; NaN stands for missing. Not to be mixed with `push` on one builder.
   */
  rowFromColumns(values: Float64Array, timeUs: number): FeatureRow | undefined {
    return this.#maker.make(values, timeUs)
  }

  #learnSignals(): void {
    const place = new Int32Array(this.#catalog.size).fill(-1)
    place.set(this.#place)
    for (let i = this.#seen; i < place.length; i++) {
      const { name, unit } = this.#catalog.at(i)
      const source = this.#names.indexOf(name)
      if (source < 0) continue
      const wanted = this.#spec.inputs.find((input) => input.signal === name)?.unit ?? ''
      // A value in another unit is worse than none: the signal stays missing.
      if (wanted !== '' && wanted !== unit) this.problems.push({ signal: name, unit, wanted })
      else place[i] = source
    }
    this.#place = place
    this.#seen = place.length
  }

  #take(source: number, value: number, timeUs: number, emit: (row: FeatureRow) => void): void {
    const at = this.#cell(source, timeUs, emit)
    if (at < 0) return
    const window = this.#window
    if (window.count[at]++ === 0) {
      window.sum[at] = window.min[at] = window.max[at] = window.last[at] = value
      window.firstUs[at] = window.lastUs[at] = timeUs
      return
    }
    window.sum[at] += value
    if (value < window.min[at]) window.min[at] = value
    if (value > window.max[at]) window.max[at] = value
    this.#timed(at, value, timeUs)
  }

  #timed(at: number, last: number, timeUs: number): void {
    const window = this.#window
    if (timeUs < window.firstUs[at]) window.firstUs[at] = timeUs
    if (timeUs < window.lastUs[at]) return
    window.lastUs[at] = timeUs
    window.last[at] = last
  }

  /** Where a reading of this time belongs, steps closed that it shows to be over; -1: too late. */
  #cell(source: number, timeUs: number, emit: (row: FeatureRow) => void): number {
    if (this.#open >= 0 && timeUs < this.#newestUs - CLOCK_BACK_US) {
      this.restarts++
      this.#restart()
    }
    const step = Math.floor(timeUs / this.#stepUs)
    if (this.#open < 0) {
      this.#open = this.#top = step
      this.#newestUs = timeUs
    }
    if (timeUs > this.#newestUs) {
      this.#newestUs = timeUs
      this.#close(emit)
      if (step > this.#top) this.#top = step
    }
    if (step >= this.#open) return source * this.#slots + (step % this.#slots)
    this.late++
    return -1
  }

  /** Closes every step whose end, and grace, the newest reading has passed. */
  #close(emit: (row: FeatureRow) => void): void {
    const ready = Math.floor((this.#newestUs - this.#graceUs) / this.#stepUs)
    while (this.#open < ready) {
      if (this.#open > this.#top) {
        // Nothing was read since: leave the silence in one leap, however long it was.
        if (ready - this.#open >= this.#slots) this.#window.count.fill(0)
        else {
          for (let step = this.#open; step < ready; step++) {
            this.#clear(step + 1 + this.#slots - this.#steps)
          }
        }
        this.#open = ready
        return
      }
      this.#row(this.#open, emit)
      this.#open++
      // The slot that the farthest open step will use held a step that has left every window.
      this.#clear(this.#open + this.#slots - this.#steps)
    }
  }

  #row(step: number, emit: (row: FeatureRow) => void): void {
    const { count, sum, min, max, last, firstUs, lastUs } = this.#window
    let fresh = false
    for (let i = 0; i < this.#values.length; i++) {
      const base = this.#sourceOf[i] * this.#slots
      const aggregate = this.#spec.inputs[i].aggregate
      let readings = 0
      let value = Number.NaN
      for (let back = this.#steps - 1; back >= 0; back--) {
        const from = step - back
        if (from < 0) continue
        const at = base + (from % this.#slots)
        if (count[at] === 0) continue
        if (back === 0) fresh = true
        if (readings === 0) this.#fromUs[i] = firstUs[at]
        this.#toUs[i] = lastUs[at]
        if (aggregate === 'last') {
          value = last[at]
          this.#fromUs[i] = lastUs[at]
        } else if (aggregate === 'mean') value = readings === 0 ? sum[at] : value + sum[at]
        else if (aggregate === 'min') value = readings === 0 ? min[at] : Math.min(value, min[at])
        else value = readings === 0 ? max[at] : Math.max(value, max[at])
        readings += count[at]
      }
      this.#values[i] = aggregate === 'mean' && readings > 0 ? value / readings : value
    }
    if (!fresh) return
    const timeUs = (step + 1) * this.#stepUs
    const row = this.#maker.make(this.#values, timeUs, this.#fromUs, this.#toUs)
    if (row) emit(row)
  }

  #clear(step: number): void {
    const slot = step % this.#slots
    for (let at = slot; at < this.#window.count.length; at += this.#slots)
      this.#window.count[at] = 0
  }

  #restart(): void {
    this.#open = -1
    this.#top = -1
    this.#window.count.fill(0)
    this.#maker.reset()
  }
}
