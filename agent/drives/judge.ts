import type { Bundle } from '../../models/bundle/load.ts'
import type { OpenNetwork } from '../../models/runtime/open.ts'
import { type Inference, Scorer } from '../../models/scorer.ts'
import { SignalCatalog } from '../../sensors/reading.ts'
import { DRIVE_START_US } from '../../sensors/simulator/drive.ts'
import { type DriveSpec, driveReadings, refuseProblems } from './drive.ts'

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
