import type { DriveSpec } from '../../agent/drives/drive.ts'
import { driveRows } from '../../agent/drives/pool.ts'
import { Alarm } from '../../models/alarm.ts'
import { loadBundle } from '../../models/bundle/load.ts'
import { GAP_STEPS } from '../../models/scorer.ts'
import { DRIVE_START_US } from '../../sensors/simulator/drive.ts'
import { PROFILES } from '../../sensors/simulator/driver.ts'
import type { FaultKind } from '../../sensors/simulator/faults.ts'
import { type BenchRow, median } from './bench.ts'
import { DETECTORS, type Detectors, openDetectors, type Scores } from './faults/detectors.ts'
import { Healthy } from './faults/healthy.ts'

const bundleOf = (name: string) =>
  loadBundle(new URL(`../../models/bundles/${name}`, import.meta.url).pathname)
/** Fewer and shorter drives, for a busy machine. */
const SHORT = process.env.MILEPOST_BENCH_SHORT === '1'
/**
 * Drives without a fault, by which every detector gets its threshold, and as many to count its alarms:
 * somewhat more than a week of each, as a drive's first row comes late and less would be extrapolated.
 */
const HEALTHY_VEHICLES = SHORT ? 4 : 116
const HEALTHY_SEC = 5_400
const FAULTY_VEHICLES = SHORT ? 2 : 6
const FAULT_AT_SEC = 900
const FAULTY_SEC = 7_200
const WANTED = { alarms: 1, hours: 168 }
/** Slow: 1 psi an hour, cooling gone in an hour and a quarter, 0.12 g more vibration in 50 minutes. */
const FAULTS: readonly { kind: FaultKind; rate: number }[] = [
  { kind: 'slow-puncture', rate: 1 },
  { kind: 'coolant', rate: 0.02 },
  { kind: 'bearing', rate: 0.02 },
]

/** Vehicles that no model was trained on, nor anything about them chosen by. */
const SEEDS = { calibration: 27_001, healthy: 28_001, faulty: 29_001 }

/** Slow faults in simulated vehicles at one false alarm per vehicle and week, beside the usual ways. */
export async function bench(): Promise<BenchRow[]> {
  const slow = bundleOf('simulator-slow')
  const detectors = await openDetectors(slow, bundleOf('simulator'))
  async function* drives(firstSeed: number, count: number, more: Omit<DriveSpec, 'seed'>) {
    const specs = Array.from({ length: count }, (_, i) => ({
      seed: firstSeed + i,
      profile: PROFILES[i % PROFILES.length],
      ...more,
    }))
    for await (const rows of driveRows(detectors.features, specs)) yield detectors.score(rows)
  }
  const healthy = async (firstSeed: number) => {
    const all = new Healthy(detectors)
    for await (const scores of drives(firstSeed, HEALTHY_VEHICLES, { seconds: HEALTHY_SEC })) {
      all.add(scores)
    }
    return all
  }
  const thresholds = (await healthy(SEEDS.calibration)).thresholds(WANTED)
  const other = await healthy(SEEDS.healthy)
  const own = slow.manifest.threshold.value
  console.error(`  the bundle at its own threshold, ${own}: ${other.alarms(0, own)}`)
  const rows = falseAlarms(other, thresholds)
  for (const fault of FAULTS) {
    const more = { seconds: FAULTY_SEC, fault: { ...fault, atSec: FAULT_AT_SEC } }
    const delays: number[][] = DETECTORS.map(() => [])
    for await (const scores of drives(SEEDS.faulty, FAULTY_VEHICLES, more)) {
      for (const [d, threshold] of thresholds.entries()) {
        const found = foundAfterSec(detectors, scores, d, threshold)
        if (found !== undefined) delays[d].push(found)
      }
    }
    rows.push(...found(`${fault.kind} × ${fault.rate}`, delays))
  }
  return rows
}

/** Alarms on drives without a fault by which nothing was chosen. */
function falseAlarms(other: Healthy, thresholds: readonly number[]): BenchRow[] {
  const week = (count: number) => (count * WANTED.hours) / other.hours
  const counts = thresholds.map((threshold, d) => other.alarms(d, threshold))
  for (const [d, count] of counts.entries()) {
    console.error(
      `  ${DETECTORS[d]}: ${count} false alarms in ${other.hours.toFixed(1)} other hours`,
    )
  }
  return counts.map((count, d) => ({
    name: `${DETECTORS[d]}: false alarms per vehicle and week`,
    unit: 'alarms',
    ours: week(count),
    peer: 'wanted',
    theirs: WANTED.alarms,
    ratio: week(count) / WANTED.alarms,
  }))
}

/** What became of one fault in all vehicles: share found, and how soon. */
function found(fault: string, delays: readonly number[][]): BenchRow[] {
  const told = delays.map((list, d) => {
    const after = list.length ? `, half of them within ${(median(list) / 60).toFixed(1)} min` : ''
    return `${DETECTORS[d]} ${list.length} of ${FAULTY_VEHICLES}${after}`
  })
  console.error(`  ${fault}: ${told.join('; ')}`)
  const share = (list: readonly number[]) => list.length / FAULTY_VEHICLES
  return DETECTORS.slice(1).flatMap((peer, i) => {
    const d = i + 1
    const rows: BenchRow[] = [
      {
        name: `${fault} found in ${(FAULTY_SEC - FAULT_AT_SEC) / 60} min`,
        unit: 'share',
        ours: share(delays[0]),
        peer,
        theirs: share(delays[d]),
        ratio: share(delays[0]) / share(delays[d]),
      },
    ]
    if (delays[0].length === 0 || delays[d].length === 0) return rows
    const [ours, theirs] = [median(delays[0]) / 60, median(delays[d]) / 60]
    rows.push({
      name: `${fault}, median time to find`,
      unit: 'min',
      ours,
      peer,
      theirs,
      ratio: theirs / ours,
    })
    return rows
  })
}

/** Seconds from the fault to the first event that begins after it. */
function foundAfterSec(
  { alarm, features }: Detectors,
  { timeUs, scores }: Scores,
  detector: number,
  threshold: number,
) {
  const watch = new Alarm(threshold, alarm, features.sampleEveryMs * GAP_STEPS)
  for (const [i, score] of scores[detector].entries()) {
    const sec = (timeUs[i] - DRIVE_START_US) / 1e6
    if (watch.step(score, timeUs[i]) === 'begin' && sec > FAULT_AT_SEC) return sec - FAULT_AT_SEC
  }
  return undefined
}
