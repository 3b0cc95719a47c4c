import { ReadingBatch, SignalCatalog } from '../../sensors/reading.ts'
import { FeatureBuilder } from './builder.ts'
import { type LoggedUnitProblem, LoggedUnits } from './log-units.ts'
import type { FeatureRow } from './row.ts'
import {
  cellsOf,
  type FeatureSpec,
  lookBackMs,
  signalsOf,
  type UnheardInput,
  unheardOf,
} from './spec.ts'
import type { Summary } from './windows.ts'

/** Vehicles whose windows are open at once; beside its cells each takes some kilobytes. */
export const MAX_OPEN_VEHICLES = 100_000
/** Cells of all their windows together, each of `CELL_BYTES`: 896 MiB. */
export const MAX_OPEN_CELLS = 1 << 24

/** A value as a log holds it: a number, a number that JSON has no word for, or a window's summary. */
export type LoggedValue = number | string | Partial<Summary> | null

/** What one record of a log says of one vehicle at one instant. */
export interface LoggedReadings {
  readonly vehicle: string
  readonly timeUs: number
  readonly signals: Readonly<Record<string, LoggedValue>>
  /** Units as the record tells them; they hold until told otherwise. */
  readonly units?: Readonly<Record<string, unknown>>
}

/** What became of the readings of a log. */
export interface LogCounts {
  /** Readings of signals that the features ask for. */
  readings: number
  /** Left out because the signal was in another unit just then. */
  otherUnit: number
  /** Left out because they were no finite number. */
  rejected: number
  /** Left out because their step was closed already. */
  late: number
  /** Times that a vehicle was forgotten to make room: none of its readings could be in a row any more. */
  forgotten: number
  /** Records left out because windows of no more vehicles were to be open. */
  noRoom: number
  /** Times that a vehicle's clock went back. */
  restarts: number
  rows: number
  /** Rows not made because a value was missing. */
  skipped: number
}

interface OpenVehicle {
  readonly builder: FeatureBuilder
  newestUs: number
}

/**
 * Makes feature rows of a log that holds many vehicles, by the same `FeatureBuilder` as on a vehicle,
 * one for each. Readings of one vehicle come in the order in which they happened.
 *
 * Windows of at most `MAX_OPEN_CELLS` and `MAX_OPEN_VEHICLES` are open at once. Where one more vehicle comes,
 * those go that have been silent for longer than their windows look back, which costs no row but of one that
 * was only late in sending; where there is none such, the newcomer is left out until there is. To let go of who came first would be worse: where
 * all of a large fleet takes turns, none of them would ever fill a window.
 */
export class LogFeatures {
  readonly #counts = {
    readings: 0,
    otherUnit: 0,
    rejected: 0,
    late: 0,
    forgotten: 0,
    noRoom: 0,
    restarts: 0,
    rows: 0,
    skipped: 0,
  }
  /** Of vehicles already closed: rows that each input cost by being missing. */
  readonly #skippedBy: Float64Array
  /** 1 for each signal that they gave, in order of `signalsOf`. */
  readonly #heard: Uint8Array
  readonly #spec: FeatureSpec
  readonly #catalog = new SignalCatalog()
  readonly #signals = new Map<string, number>()
  readonly #vehicles = new Map<string, OpenVehicle>()
  readonly #units: LoggedUnits
  readonly #batch: ReadingBatch
  /** Vehicles that may be open at once. */
  readonly #most: number
  readonly #lookBackUs: number
  /** Before it, nobody can be forgotten. */
  #fullUntilUs = Number.NEGATIVE_INFINITY
  readonly #emit: (row: FeatureRow) => void
  #current = ''

  /** @param maxCells of all windows together; there is always room for one vehicle */
  constructor(
    spec: FeatureSpec,
    emit: (vehicle: string, row: FeatureRow) => void,
    maxCells = MAX_OPEN_CELLS,
  ) {
    this.#spec = spec
    this.#most = Math.max(1, Math.min(MAX_OPEN_VEHICLES, Math.floor(maxCells / cellsOf(spec))))
    this.#lookBackUs = lookBackMs(spec) * 1000
    const signals = signalsOf(spec)
    this.#units = new LoggedUnits(signals)
    for (const { name, unit } of signals) {
      this.#signals.set(name, this.#catalog.intern(name, unit).index)
    }
    this.#batch = new ReadingBatch(this.#signals.size)
    this.#skippedBy = new Float64Array(spec.inputs.length)
    this.#heard = new Uint8Array(this.#signals.size)
    this.#emit = (row) => {
      this.#counts.rows++
      emit(this.#current, row)
    }
  }

  /** @throws ModelError `TRAINING_DATA` for too many vehicles with a wrong unit */
  push(record: LoggedReadings): void {
    const { vehicle, timeUs, signals, units } = record
    if (units) this.#units.learn(vehicle, units)
    const open = this.#vehicles.get(vehicle) ?? this.#begin(vehicle, timeUs)
    if (!open) {
      this.#counts.noRoom++
      return
    }
    if (timeUs > open.newestUs) open.newestUs = timeUs
    this.#current = vehicle
    const refused = this.#units.refused(vehicle)
    const batch = this.#batch
    batch.count = 0
    for (const name in signals) {
      const known = this.#signals.get(name)
      if (known === undefined) continue
      const value = signals[name]
      this.#counts.readings++
      if (refused?.has(name)) this.#counts.otherUnit++
      else if (typeof value === 'number') batch.push(known, value, timeUs)
      else if (typeof value === 'object' && value !== null) {
        const summary = summaryOf(value)
        if (summary) open.builder.summary(known, summary, timeUs, this.#emit)
        else this.#counts.rejected++
        // "NaN" and "Infinity" are readings all the same: the builder counts them.
      } else batch.push(known, Number.NaN, timeUs)
    }
    if (batch.count > 0) open.builder.push(batch, this.#emit)
  }

  /** Forgets the vehicles so far, with what of their windows is still open. */
  close(): void {
    for (const name of [...this.#vehicles.keys()]) this.#forget(name)
    this.#units.clear()
    this.#fullUntilUs = Number.NEGATIVE_INFINITY
  }

  /** Units that could not be used. */
  get problems(): LoggedUnitProblem[] {
    return this.#units.problems
  }

  get counts(): LogCounts {
    const counts = { ...this.#counts }
    for (const { builder } of this.#vehicles.values()) this.#add(builder, counts)
    return counts
  }

  /** Goes on from the counts of an earlier run; no vehicle may be open. */
  restore(counts: LogCounts, skippedBy: readonly number[], heard: readonly number[]): void {
    Object.assign(this.#counts, counts)
    this.#skippedBy.set(skippedBy)
    this.#heard.set(heard)
  }

  /** 1 for each signal that some vehicle gave so that it can be used, in order of `signalsOf`. */
  get heard(): number[] {
    const heard = [...this.#heard]
    for (const { builder } of this.#vehicles.values()) {
      for (const [i, once] of builder.heard.entries()) heard[i] |= once
    }
    return heard
  }

  /** Inputs that no vehicle gave a reading for. */
  get unheard(): UnheardInput[] {
    return unheardOf(this.#spec, this.heard)
  }

  /** Rows that each input cost by being missing, in order of the inputs. */
  get skippedBy(): number[] {
    const sums = this.#skippedBy.slice()
    for (const { builder } of this.#vehicles.values()) {
      for (const [i, count] of builder.skippedBy.entries()) sums[i] += count
    }
    return [...sums]
  }

  #add(builder: FeatureBuilder, counts: LogCounts): void {
    counts.rejected += builder.rejected
    counts.late += builder.late
    counts.restarts += builder.restarts
    counts.skipped += builder.counts.skipped
  }

  #begin(name: string, timeUs: number): OpenVehicle | undefined {
    if (this.#vehicles.size >= this.#most && !this.#makeRoom(timeUs)) return undefined
    const builder = new FeatureBuilder(this.#spec, this.#catalog)
    const open: OpenVehicle = { builder, newestUs: timeUs }
    this.#vehicles.set(name, open)
    this.#fullUntilUs = Math.min(this.#fullUntilUs, timeUs + this.#lookBackUs)
    return open
  }

  /** Forgets the vehicles of which nothing can be in a row at this time. */
  #makeRoom(timeUs: number): boolean {
    if (timeUs <= this.#fullUntilUs) return false
    const before = this.#vehicles.size
    let soonestUs = Number.POSITIVE_INFINITY
    for (const [name, { newestUs }] of [...this.#vehicles]) {
      const goneUs = newestUs + this.#lookBackUs
      if (goneUs < timeUs) this.#forget(name)
      else soonestUs = Math.min(soonestUs, goneUs)
    }
    this.#fullUntilUs = soonestUs
    this.#counts.forgotten += before - this.#vehicles.size
    return this.#vehicles.size < before
  }

  #forget(name: string): void {
    const { builder } = this.#vehicles.get(name)!
    this.#add(builder, this.#counts)
    for (const [i, count] of builder.skippedBy.entries()) this.#skippedBy[i] += count
    for (const [i, once] of builder.heard.entries()) this.#heard[i] |= once
    this.#vehicles.delete(name)
  }
}

/** A logged summary with NaN for what was not kept; undefined where it is none. */
function summaryOf(value: Partial<Summary>): Summary | undefined {
  const number = (one: unknown) => (typeof one === 'number' ? one : Number.NaN)
  const { count, mean, min, max, last } = value
  if (typeof count !== 'number' || !(count >= 0)) return undefined
  return { count, mean: number(mean), min: number(min), max: number(max), last: number(last) }
}
