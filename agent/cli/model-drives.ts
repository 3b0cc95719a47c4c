import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Bundle } from '../../models/bundle/load.ts'
import type { TrainingSource } from '../../models/bundle/manifest.ts'
import { ModelError } from '../../models/errors.ts'
import { FeatureBuilder } from '../../models/features/builder.ts'
import type { FeatureSpec } from '../../models/features/spec.ts'
import type { OpenNetwork } from '../../models/runtime/open.ts'
import { type Inference, Scorer } from '../../models/scorer.ts'
import type { Recipe } from '../../models/training/recipe.ts'
import type { TrainingRow } from '../../models/training/rows.ts'
import { DatabaseSet } from '../../sensors/dbc/database-set.ts'
import { Decoder } from '../../sensors/dbc/decoder.ts'
import { ReadingBatch, SignalCatalog } from '../../sensors/reading.ts'
import { DRIVE_START_US, simulateDrive } from '../../sensors/simulator/drive.ts'
import { PROFILES, type Profile } from '../../sensors/simulator/driver.ts'
import type { FaultKind } from '../../sensors/simulator/faults.ts'
import { VEHICLE_DBC, vehicleDatabase } from '../../sensors/simulator/vehicle-dbc.ts'
import { driveRows } from './drive-pool.ts'

/** Room for the readings of a batch of frames: no message of the vehicle has more signals. */
const SIGNALS_PER_FRAME = 16
const BATCH_FRAMES = 512
/** Time between two drives of a vehicle, so that none runs into the other. */
const BETWEEN_DRIVES_US = 86_400_000_000

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
  refuseProblems(builder)
  return { timeUs: rows.timeUs.slice(0, count), values: rows.values.slice(0, count * width) }
}

/** Rows of the drives that a recipe asks for, none of them with a fault. */
export async function* simulatedRows(recipe: Recipe): AsyncGenerator<TrainingRow> {
  const { firstSeed, vehicles, secondsEach: seconds, speeds, profiles } = simulationOf(recipe)
  const specs = Array.from({ length: vehicles }, (_, i) =>
    speeds.map((speed, turn) => ({
      seed: firstSeed + i,
      seconds,
      speed,
      profile: profileOf(profiles[i % profiles.length]),
      startUs: DRIVE_START_US + turn * BETWEEN_DRIVES_US,
    })),
  ).flat()
  const width = recipe.features.inputs.length
  for await (const { spec, timeUs, values } of driveRows(recipe.features, specs)) {
    for (let i = 0; i < timeUs.length; i++) {
      const row = values.subarray(i * width, (i + 1) * width)
      yield { vehicle: `seed-${spec.seed}`, timeUs: timeUs[i], values: row }
    }
  }
}

function refuseProblems({ problems }: FeatureBuilder): void {
  if (problems.length === 0) return
  const { signal, unit, wanted } = problems[0]
  throw new ModelError('TRAINING_DATA', `${signal} is in ${unit || 'no unit'}, not ${wanted}`, {
    hint: 'Correct the unit in the recipe.',
  })
}

/** Where those rows come from, for the bundle. */
export function simulationSource(recipe: Recipe): TrainingSource {
  const { firstSeed, vehicles, secondsEach, speeds } = simulationOf(recipe)
  return {
    kind: 'simulation',
    description: 'drives without faults of the simulated vehicle',
    seeds: Array.from({ length: vehicles }, (_, i) => firstSeed + i),
    secondsEach,
    speeds,
    dbcSha256: createHash('sha256').update(readFileSync(VEHICLE_DBC)).digest('hex'),
  }
}

function simulationOf(recipe: Recipe): NonNullable<Recipe['simulation']> {
  if (recipe.simulation) return recipe.simulation
  throw new ModelError('TRAINING_RECIPE', 'the recipe asks for no simulated drives', {
    hint: 'Give --csv FILE, or a recipe with a `simulation` part.',
  })
}

function profileOf(name: string): Profile {
  const profile = PROFILES.find((one) => one === name)
  if (profile) return profile
  throw new ModelError('TRAINING_RECIPE', `simulation.profiles: ${name}`, {
    hint: `There are ${PROFILES.join(', ')}.`,
  })
}

/** Scores a simulated drive as the agent would. */
export function* scoreDrive(
  spec: DriveSpec,
  bundle: Bundle,
  open: OpenNetwork,
): Generator<Inference> {
  const catalog = new SignalCatalog()
  const scorer = new Scorer(bundle, open, { catalog })
  const ready: Inference[] = []
  for (const batch of driveReadings(spec, catalog)) {
    scorer.readings(batch, (inference) => ready.push(inference))
    yield* ready.splice(0)
  }
  refuseProblems(scorer.features)
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
