import { driveRows } from '../../agent/cli/drive-pool.ts'
import type { DriveSpec } from '../../agent/cli/model-drives.ts'
import { Alarm } from '../../models/alarm.ts'
import { loadBundle } from '../../models/bundle/load.ts'
import { GAP_STEPS } from '../../models/scorer.ts'
import { DRIVE_START_US } from '../../sensors/simulator/drive.ts'
import { PROFILES } from '../../sensors/simulator/driver.ts'
import type { FaultKind } from '../../sensors/simulator/faults.ts'
import { type BenchRow, median } from './bench.ts'
import { DETECTORS, Healthy, openDetectors, type Scores } from './faults/detectors.ts'

const BUNDLE = new URL('../../models/bundles/simulator', import.meta.url).pathname
/** Fewer and shorter drives, for a busy machine. */
const SHORT = process.env.MILEPOST_BENCH_SHORT === '1'
/**
 * Drives without a fault, by which every detector gets its threshold, and as many to count its alarms:
 * somewhat more than a week of each, as a drive's first row comes late and less would be extrapolated.
 */
const HEALTHY_VEHICLES = SHORT ? 4 : 114
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

const bundle = loadBundle(BUNDLE)

/** Slow faults in simulated vehicles at one false alarm per vehicle and week, beside two usual ways. */
export async function bench(): Promise<BenchRow[]> {
  const score = await openDetectors(bundle)
  async function* drives(firstSeed: number, count: number, more: Omit<DriveSpec, 'seed'>) {
    const specs = Array.from({ length: count }, (_, i) => ({
      seed: firstSeed + i,
      profile: PROFILES[i % PROFILES.length],
      ...more,
    }))
    for await (const rows of driveRows(bundle.manifest.features, specs)) yield score(rows)
  }
  const healthy = async (firstSeed: number) => {
    const all = new Healthy(bundle.manifest)
    for await (const scores of drives(firstSeed, HEALTHY_VEHICLES, { seconds: HEALTHY_SEC })) {
      all.add(scores)
    }
    return all
  }
  const calibration = await healthy(7_001)
  const thresholds = calibration.thresholds(WANTED)
  const rows = falseAlarms(await healthy(9_001), thresholds)
  for (const fault of FAULTS) {
    const more = { seconds: FAULTY_SEC, fault: { ...fault, atSec: FAULT_AT_SEC } }
    const delays: number[][] = DETECTORS.map(() => [])
    for await (const scores of drives(8_001, FAULTY_VEHICLES, more)) {
      for (const [d, threshold] of thresholds.entries()) {
        const found = foundAfterSec(scores, d, threshold)
        if (found !== undefined) delays[d].push(found)
      }
    }
    rows.push(...found(`${fault.kind} × ${fault.rate}`, delays))
  }
  return rows
}

/** Alarms on drives without a fault by which nothing was chosen. */
function falseAlarms(other: Healthy, thresholds: readonly number[]): BenchRow[] {
  const { alarms } = bundle.manifest.threshold.wanted
  const week = (count: number) => (count * WANTED.hours) / other.hours
  const counts = thresholds.map((threshold, d) => other.alarms(d, threshold))
  for (const [d, count] of counts.entries()) {
    console.error(
      `  ${DETECTORS[d]}: ${count} false alarms in ${other.hours.toFixed(1)} other hours`,
    )
  }
  const own = other.alarms(0, bundle.manifest.threshold.value)
  console.error(`  the bundle at its own threshold, ${bundle.manifest.threshold.value}: ${own}`)
  return counts.map((count, d) => ({
    name: `${DETECTORS[d]}: false alarms per vehicle and week`,
    unit: 'alarms',
    ours: week(count),
    peer: 'wanted',
    theirs: alarms,
    ratio: week(count) / alarms,
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
  return [1, 2].flatMap((d) => {
    const rows: BenchRow[] = [
      {
        name: `${fault} found in ${(FAULTY_SEC - FAULT_AT_SEC) / 60} min`,
        unit: 'share',
        ours: share(delays[0]),
        peer: DETECTORS[d],
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
      peer: DETECTORS[d],
      theirs,
      ratio: theirs / ours,
    })
    return rows
  })
}

/** Seconds from the fault to the first event that begins after it. */
function foundAfterSec({ timeUs, scores }: Scores, detector: number, threshold: number) {
  const { alarm, features } = bundle.manifest
  const watch = new Alarm(threshold, alarm, features.sampleEveryMs * GAP_STEPS)
  for (const [i, score] of scores[detector].entries()) {
    const sec = (timeUs[i] - DRIVE_START_US) / 1e6
    if (watch.step(score, timeUs[i]) === 'begin' && sec > FAULT_AT_SEC) return sec - FAULT_AT_SEC
  }
  return undefined
}
