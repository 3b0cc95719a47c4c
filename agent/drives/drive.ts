import { ModelError } from '../../models/errors.ts'
import { FeatureBuilder } from '../../models/features/builder.ts'
import { type FeatureSpec, unheardOf } from '../../models/features/spec.ts'
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
export function refuseProblems(
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
