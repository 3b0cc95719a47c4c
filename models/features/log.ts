import { ReadingBatch, SignalCatalog } from '../../sensors/reading.ts'
import { ModelError } from '../errors.ts'
import { FeatureBuilder } from './builder.ts'
import type { FeatureRow } from './row.ts'
import { type FeatureSpec, signalsOf, type UnheardInput, unheardOf } from './spec.ts'
import type { Summary } from './windows.ts'

/** Vehicles whose windows are open at once; each takes some kilobytes. */
export const MAX_OPEN_VEHICLES = 100_000

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
  /** Times that a vehicle's clock went back. */
  restarts: number
  rows: number
  /** Rows not made because a value was missing. */
  skipped: number
}

/** A signal that some vehicles gave in a unit that cannot be used. */
export interface LoggedUnitProblem {
  readonly signal: string
  readonly unit: string
  readonly wanted: string
  vehicles: number
}

interface OpenVehicle {
  readonly builder: FeatureBuilder
  /** Signals that are in another unit now. */
  refused: Set<string> | undefined
}

/**
 * Makes feature rows of a log that holds many vehicles, by the same `FeatureBuilder` as on a vehicle,
 * one for each. Readings of one vehicle come in the order in which they happened.
 */
export class LogFeatures {
  readonly problems: LoggedUnitProblem[] = []
  readonly #counts = {
    readings: 0,
    otherUnit: 0,
    rejected: 0,
    late: 0,
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
  readonly #signals = new Map<string, { index: number; unit: string }>()
  readonly #vehicles = new Map<string, OpenVehicle>()
  readonly #batch: ReadingBatch
  readonly #emit: (row: FeatureRow) => void
  #current = ''

  constructor(spec: FeatureSpec, emit: (vehicle: string, row: FeatureRow) => void) {
    this.#spec = spec
    for (const { name, unit } of signalsOf(spec)) {
      this.#signals.set(name, { index: this.#catalog.intern(name, unit).index, unit })
    }
    this.#batch = new ReadingBatch(this.#signals.size)
    this.#skippedBy = new Float64Array(spec.inputs.length)
    this.#heard = new Uint8Array(this.#signals.size)
    this.#emit = (row) => {
      this.#counts.rows++
      emit(this.#current, row)
    }
  }

  push(record: LoggedReadings): void {
    const { vehicle, timeUs, signals, units } = record
    const open = this.#open(vehicle)
    this.#current = vehicle
    if (units) this.#learnUnits(open, units)
    const batch = this.#batch
    batch.count = 0
    for (const name in signals) {
      const known = this.#signals.get(name)
      if (known === undefined) continue
      const value = signals[name]
      this.#counts.readings++
      if (open.refused?.has(name)) this.#counts.otherUnit++
      else if (typeof value === 'number') batch.push(known.index, value, timeUs)
      else if (typeof value === 'object' && value !== null) {
        const summary = summaryOf(value)
        if (summary) open.builder.summary(known.index, summary, timeUs, this.#emit)
        else this.#counts.rejected++
        // "NaN" and "Infinity" are readings all the same: the builder counts them.
      } else batch.push(known.index, Number.NaN, timeUs)
    }
    if (batch.count > 0) open.builder.push(batch, this.#emit)
  }

  /** Forgets the vehicles so far, with what of their windows is still open. */
  close(): void {
    for (const { builder } of this.#vehicles.values()) this.#add(builder, this.#counts)
    for (const { builder } of this.#vehicles.values()) {
      for (const [i, count] of builder.skippedBy.entries()) this.#skippedBy[i] += count
    }
    this.#heard.set(this.heard)
    this.#vehicles.clear()
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

  #open(vehicle: string): OpenVehicle {
    let open = this.#vehicles.get(vehicle)
    if (!open) {
      if (this.#vehicles.size === MAX_OPEN_VEHICLES) {
        throw new ModelError('TRAINING_DATA', `more than ${MAX_OPEN_VEHICLES} vehicles`, {
          hint: 'Give the topic more partitions, or read a shorter range: partitions are read one by one.',
        })
      }
      open = { builder: new FeatureBuilder(this.#spec, this.#catalog), refused: undefined }
      this.#vehicles.set(vehicle, open)
    }
    return open
  }

  #learnUnits(open: OpenVehicle, units: Readonly<Record<string, unknown>>): void {
    for (const [signal, { unit: wanted }] of this.#signals) {
      const unit = Object.hasOwn(units, signal) ? units[signal] : undefined
      if (typeof unit !== 'string' || wanted === '') continue
      if (unit === wanted) open.refused?.delete(signal)
      else if (!open.refused?.has(signal)) {
        open.refused ??= new Set()
        open.refused.add(signal)
        this.#problem(signal, unit, wanted)
      }
    }
  }

  #problem(signal: string, unit: string, wanted: string): void {
    const known = this.problems.find((one) => one.signal === signal && one.unit === unit)
    if (known) known.vehicles++
    else if (this.problems.length < MAX_PROBLEMS) {
      this.problems.push({ signal, unit, wanted, vehicles: 1 })
    }
  }
}

/** Kinds of unit problems that are told apart. */
const MAX_PROBLEMS = 100

/** A logged summary with NaN for what was not kept; undefined where it is none. */
function summaryOf(value: Partial<Summary>): Summary | undefined {
  const number = (one: unknown) => (typeof one === 'number' ? one : Number.NaN)
  const { count, mean, min, max, last } = value
  if (typeof count !== 'number' || !(count >= 0)) return undefined
  return { count, mean: number(mean), min: number(min), max: number(max), last: number(last) }
}
