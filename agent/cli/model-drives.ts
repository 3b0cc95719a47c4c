import type { Bundle } from '../../models/bundle/load.ts'
import { ModelError } from '../../models/errors.ts'
import { FeatureBuilder } from '../../models/features/builder.ts'
import { type FeatureSpec, unheardOf } from '../../models/features/spec.ts'
import type { OpenNetwork } from '../../models/runtime/open.ts'
import { type Inference, Scorer } from '../../models/scorer.ts'
import { DatabaseSet } from '../../sensors/dbc/database-set.ts'
import { Decoder } from '../../sensors/dbc/decoder.ts'
import { ReadingBatch, SignalCatalog } from '../../sensors/reading.ts'
import { DRIVE_START_US, simulateDrive } from '../../sensors/simulator/drive.ts'
import type { Profile } from '../../sensors/simulator/driver.ts'
import type { FaultKind } from '../../sensors/simulator/faults.ts'
import { vehicleDatabase } from '../../sensors/simulator/vehicle-dbc.ts'
import { nearest } from '../config/nearest.ts'

/** Room for the readings of a batch of frames: no message of the vehicle has more signals. */
const SIGNALS_PER_FRAME = 16
const BATCH_FRAMES = 512

export interface DriveSpec {
  readonly seed: number
  readonly seconds: number
  /** Simulated seconds in a second. */
  readonly speed?: number
  readonly profile?: Profile
  readonly fault?: { readonly kind: FaultKind; readonly atSec: number; readonly rate?: number }
  readonly startUs?: number
}

function overflow(): never {
  throw new RangeError(`a message of the vehicle has more than ${SIGNALS_PER_FRAME} signals`)
}

/** Hands over the readings of a simulated drive, as a vehicle's agent decodes them. */
export function* driveReadings(spec: DriveSpec, catalog: SignalCatalog): Generator<ReadingBatch> {
  const { seed, seconds, speed = 1, profile, fault, startUs = DRIVE_START_US } = spec
  const decoder = new Decoder([new DatabaseSet([vehicleDatabase()])], catalog)
  const readings = new ReadingBatch(BATCH_FRAMES * SIGNALS_PER_FRAME)
  const faults = fault ? [fault] : []
  for (const frames of simulateDrive({
    seed,
    seconds,
    profile,
    faults,
    batchFrames: BATCH_FRAMES,
    startUs,
  })) {
    for (let i = 0; i < frames.count; i++) {
      frames.timeUs[i] = Math.round(startUs + (frames.timeUs[i] - startUs) / speed)
    }
    readings.count = 0
    decoder.decode(frames, readings, overflow)
    yield readings
  }
}

/** Rows of one drive, raw and flat. */
export interface DriveRows {
  readonly timeUs: Float64Array<ArrayBuffer>
  readonly values: Float64Array<ArrayBuffer>
}

/** Drives once and keeps the rows. */
export function rowsOfDrive(spec: DriveSpec, features: FeatureSpec): DriveRows {
  const catalog = new SignalCatalog()
  const builder = new FeatureBuilder(features, catalog)
  const width = features.inputs.length
  const room = Math.ceil((spec.seconds * 1000) / (spec.speed ?? 1) / features.sampleEveryMs) + 1
  const rows = { timeUs: new Float64Array(room), values: new Float64Array(room * width) }
  let count = 0
  for (const batch of driveReadings(spec, catalog)) {
    builder.push(batch, ({ timeUs, raw }) => {
      rows.timeUs[count] = timeUs
      rows.values.set(raw, count++ * width)
    })
  }
  refuseProblems(builder, features, catalog)
  return { timeUs: rows.timeUs.slice(0, count), values: rows.values.slice(0, count * width) }
}

/** Every simulated vehicle has the same signals, so what one of them lacks is a mistake of the recipe. */
function refuseProblems(
  { problems, heard }: FeatureBuilder,
  features: FeatureSpec,
  catalog: SignalCatalog,
): void {
  if (problems.length > 0) {
    const { signal, unit, wanted } = problems[0]
    throw new ModelError('TRAINING_DATA', `${signal} is in ${unit || 'no unit'}, not ${wanted}`, {
      hint: 'Correct the unit in the recipe.',
    })
  }
  const [silent] = unheardOf(features, heard)
  if (!silent) return
  const { input, signal } = silent
  const guess = nearest(
    signal,
    catalog.all().map(({ name }) => name),
  )
  const of = input === signal ? '' : ` (input ${input})`
  throw new ModelError('TRAINING_DATA', `no reading ever came of ${signal}${of}`, {
    hint: guess
      ? `Did you mean ${guess}? Correct the signal in the recipe.`
      : 'Correct the signal in the recipe: sensors/simulator/vehicle.dbc names them all.',
  })
}

/** Scores a simulated drive as the agent would. */
function* scoreDrive(spec: DriveSpec, bundle: Bundle, open: OpenNetwork): Generator<Inference> {
  const catalog = new SignalCatalog()
  const scorer = new Scorer(bundle, open, { catalog })
  const ready: Inference[] = []
  for (const batch of driveReadings(spec, catalog)) {
    scorer.readings(batch, (inference) => ready.push(inference))
    yield* ready.splice(0)
  }
  refuseProblems(scorer.features, bundle.manifest.features, catalog)
}

export interface DriveResult {
  readonly spec: DriveSpec
  readonly rows: number
  /** Events begun before the fault, or in all where there is none. */
  readonly falseAlarms: number
  /** Simulated seconds from the fault to the first event after it; undefined: not found. */
  readonly foundAfterSec: number | undefined
  /** What contributed most when it was found, or at the first false alarm. */
  readonly signal: string | undefined
  readonly topScore: number
}

/** Drives once and tells what was found, and when. */
export function judgeDrive(spec: DriveSpec, bundle: Bundle, open: OpenNetwork): DriveResult {
  const { startUs = DRIVE_START_US, speed = 1, fault } = spec
  let rows = 0
  let falseAlarms = 0
  let foundAfterSec: number | undefined
  let signal: string | undefined
  let topScore = 0
  for (const inference of scoreDrive(spec, bundle, open)) {
    rows++
    const atSec = ((inference.timeUs - startUs) / 1e6) * speed
    const broken = fault !== undefined && atSec > fault.atSec
    if (!broken) topScore = Math.max(topScore, inference.score)
    if (inference.event !== 'begin') continue
    if (!broken) {
      falseAlarms++
      signal ??= inference.contributors[0].signal
    } else if (foundAfterSec === undefined) {
      foundAfterSec = atSec - fault.atSec
      signal = inference.contributors[0].signal
    }
  }
  return { spec, rows, falseAlarms, foundAfterSec, signal, topScore }
}
