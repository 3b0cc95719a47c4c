import type { ReadingBatch, Signal } from '../../sensors/reading.ts'
import { type FeatureRow, type RowCounts, RowMaker } from './row.ts'
import { type FeatureSpec, keptSteps, openSteps, signalsOf } from './spec.ts'
import { type Simple, type Summary, Windows } from './windows.ts'

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
  /** 1 for each signal of which a reading that can be used has ever come, in order of `signalsOf`. */
  readonly heard: Uint8Array
  readonly #spec: FeatureSpec
  readonly #catalog: CatalogView
  readonly #maker: RowMaker
  readonly #stepUs: number
  readonly #graceUs: number
  readonly #ahead: number
  /** Of the signal that is looked back at the longest. */
  readonly #slots: number
  /** Signals of the spec without repetition; an input names one by its place here. */
  readonly #signals: readonly { readonly name: string; readonly unit: string }[]
  readonly #sourceOf: Int32Array
  /** What each input is divided by; -1: nothing. */
  readonly #overOf: Int32Array
  /** How many steps each input looks back. */
  readonly #stepsOf: Int32Array
  #place = new Int32Array(0)
  #seen = 0
  readonly #windows: Windows
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
    const stepsOf = ({ windowMs = spec.windowMs }) => windowMs / spec.sampleEveryMs
    this.#stepsOf = Int32Array.from(spec.inputs, stepsOf)
    this.#ahead = openSteps(spec)
    this.#slots = Math.max(...this.#stepsOf) + this.#ahead
    this.#signals = signalsOf(spec)
    const placeOf = (name?: string) => this.#signals.findIndex((one) => one.name === name)
    this.heard = new Uint8Array(this.#signals.length)
    this.#sourceOf = Int32Array.from(spec.inputs, ({ signal }) => placeOf(signal))
    this.#overOf = Int32Array.from(spec.inputs, ({ over }) => placeOf(over?.signal))
    this.#windows = new Windows(keptSteps(spec))
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
    this.#windows.summary(at, of, timeUs)
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
      const source = this.#signals.findIndex((one) => one.name === name)
      if (source < 0) continue
      const wanted = this.#signals[source].unit
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
    this.#windows.take(at, value, timeUs)
  }

  /** Where a reading of this time belongs, steps closed that it shows to be over; -1: too late. */
  #cell(source: number, timeUs: number, emit: (row: FeatureRow) => void): number {
    if (this.#open >= 0 && timeUs < this.#newestUs - CLOCK_BACK_US) {
      this.restarts++
      this.#restart()
    }
    this.heard[source] = 1
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
    if (step >= this.#open) return this.#windows.at(source, step)
    this.late++
    return -1
  }

  /** Closes every step whose end, and grace, the newest reading has passed. */
  #close(emit: (row: FeatureRow) => void): void {
    const ready = Math.floor((this.#newestUs - this.#graceUs) / this.#stepUs)
    while (this.#open < ready) {
      if (this.#open > this.#top) {
        // Nothing was read since: leave the silence in one leap, however long it was.
        if (ready - this.#open >= this.#slots) this.#windows.clear()
        else {
          for (let step = this.#open; step < ready; step++) {
            this.#windows.clearStep(step + 1 + this.#ahead)
          }
        }
        this.#open = ready
        return
      }
      this.#row(this.#open, emit)
      this.#open++
      // The slot that the farthest open step will use held a step that has left every window.
      this.#windows.clearStep(this.#open + this.#ahead)
    }
  }

  #row(step: number, emit: (row: FeatureRow) => void): void {
    let fresh = false
    for (let i = 0; i < this.#values.length; i++) {
      this.#fromUs[i] = Number.POSITIVE_INFINITY
      this.#toUs[i] = Number.NEGATIVE_INFINITY
      this.#values[i] = this.#value(i, step)
      if (this.#toUs[i] >= step * this.#stepUs) fresh = true
    }
    if (!fresh) return
    const timeUs = (step + 1) * this.#stepUs
    const row = this.#maker.make(this.#values, timeUs, this.#fromUs, this.#toUs)
    if (row) emit(row)
  }

  /** An input as it is at the end of a step. */
  #value(input: number, step: number): number {
    const { aggregate } = this.#spec.inputs[input]
    const steps = this.#stepsOf[input]
    if (aggregate !== 'change') return this.#beside(input, step, steps, aggregate)
    const older = this.#beside(input, step - steps / 2, steps / 2, 'mean')
    return this.#beside(input, step, steps / 2, 'mean') - older
  }

  /** A signal in a stretch of steps, beside the other one that its input names. */
  #beside(input: number, step: number, steps: number, kind: Simple): number {
    const value = this.#aggregate(this.#sourceOf[input], input, step, steps, kind)
    if (this.#overOf[input] < 0) return value
    const { zero } = this.#spec.inputs[input].over!
    const other = this.#aggregate(this.#overOf[input], input, step, steps, kind)
    return (value - zero) / (other - zero)
  }

  /** Of a signal's readings in a stretch of steps; widens the input's times. NaN where they are missing. */
  #aggregate(source: number, input: number, step: number, steps: number, kind: Simple): number {
    const windows = this.#windows
    const value = windows.aggregate(source, step, steps, kind)
    this.#fromUs[input] = Math.min(this.#fromUs[input], windows.fromUs)
    this.#toUs[input] = Math.max(this.#toUs[input], windows.toUs)
    const { aggregate, windowMs } = this.#spec.inputs[input]
    if (windowMs === undefined || aggregate === 'last') return value
    // Readings of one half alone do not stand for all of the stretch.
    const middleUs = (step + 1 - steps / 2) * this.#stepUs
    return windows.fromUs < middleUs && windows.toUs >= middleUs ? value : Number.NaN
  }

  #restart(): void {
    this.#open = -1
    this.#top = -1
    this.#windows.clear()
    this.#maker.reset()
  }
}
