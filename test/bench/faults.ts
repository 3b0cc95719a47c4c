import { driveReadings } from '../../agent/cli/model-drives.ts'
import { Alarm } from '../../models/alarm.ts'
import { loadBundle } from '../../models/bundle/load.ts'
import { FeatureBuilder } from '../../models/features/builder.ts'
import { judgeOf } from '../../models/judge.ts'
import { openNetwork } from '../../models/runtime/open.ts'
import { GAP_STEPS } from '../../models/scorer.ts'
import { RowStore } from '../../models/training/row-store.ts'
import { chooseThreshold } from '../../models/training/threshold.ts'
import { SignalCatalog } from '../../sensors/reading.ts'
import { DRIVE_START_US } from '../../sensors/simulator/drive.ts'
import type { FaultKind } from '../../sensors/simulator/faults.ts'
import { type BenchRow, median } from './bench.ts'

const BUNDLE = new URL('../../models/bundles/simulator', import.meta.url).pathname
/** Fewer and shorter drives, for a busy machine. */
const SHORT = process.env.MILEPOST_BENCH_SHORT === '1'
/** Drives without a fault, by which every detector gets its threshold, and others with one. */
const HEALTHY_VEHICLES = SHORT ? 4 : 16
const FAULTY_VEHICLES = SHORT ? 2 : 6
const HEALTHY_SEC = 3_600
const FAULT_AT_SEC = 900
const FAULTY_SEC = SHORT ? 5_400 : 7_200
const WANTED = { alarms: 1, hours: 168 }
/** Slow: 1 psi an hour, cooling gone in an hour and a quarter, vibration that doubles in 20 minutes. */
const FAULTS: readonly { kind: FaultKind; rate: number }[] = [
  { kind: 'slow-puncture', rate: 1 },
  { kind: 'coolant', rate: 0.02 },
  { kind: 'bearing', rate: 0.05 },
]
const DETECTORS = ['the bundle', 'per-signal limits', 'three sigma'] as const

const bundle = loadBundle(BUNDLE)
const { features, alarm } = bundle.manifest
const { inputs, sampleEveryMs } = features

/** Scores of each detector for each row of a drive, with the row's time. */
async function drive(seed: number, seconds: number, fault?: { kind: FaultKind; rate: number }) {
  const open = await openNetwork(bundle, 'compiled')
  const judge = judgeOf(bundle, open.network)
  const catalog = new SignalCatalog()
  const builder = new FeatureBuilder(features, catalog)
  const timeUs: number[] = []
  const scores: number[][] = DETECTORS.map(() => [])
  const plan = fault && { ...fault, atSec: FAULT_AT_SEC }
  for (const batch of driveReadings({ seed, seconds, fault: plan }, catalog)) {
    builder.push(batch, ({ raw, scaled, timeUs: at }) => {
      timeUs.push(at)
      scores[0].push(judge.score(scaled))
      // How far outside of all that was seen in training, in terms of its range.
      scores[1].push(
        Math.max(
          ...inputs.map(({ range: { min, max } }, i) => {
            const width = max - min || Math.abs(max) || 1
            return 1 + Math.max(raw[i] - max, min - raw[i]) / width
          }),
        ),
      )
      scores[2].push(Math.max(...scaled.map(Math.abs)))
    })
  }
  return { timeUs, scores }
}

/** Slow faults in simulated vehicles at one false alarm per vehicle and week, beside two usual ways. */
export async function bench(): Promise<BenchRow[]> {
  const stores = new RowStore(1, 10_000_000)
  const healthy: number[][] = DETECTORS.map(() => [])
  for (let vehicle = 0; vehicle < HEALTHY_VEHICLES; vehicle++) {
    const { timeUs, scores } = await drive(7_001 + vehicle, HEALTHY_SEC)
    for (const at of timeUs) stores.push(vehicle, at, Float64Array.of(0))
    for (const [d, list] of scores.entries()) for (const score of list) healthy[d].push(score)
  }
  const gapMs = sampleEveryMs * GAP_STEPS
  const thresholds = healthy.map((scores) => {
    const found = chooseThreshold(
      Float64Array.from(scores),
      stores,
      WANTED,
      alarm,
      sampleEveryMs,
      gapMs,
    )
    return found
  })
  for (const [d, { value, basis, heldOutHours }] of thresholds.entries()) {
    console.error(
      `  ${DETECTORS[d]}: threshold ${value}, ${basis} from ${heldOutHours.toFixed(1)} h`,
    )
  }
  const rows: BenchRow[] = []
  for (const fault of FAULTS) {
    const delays: number[][] = DETECTORS.map(() => [])
    for (let vehicle = 0; vehicle < FAULTY_VEHICLES; vehicle++) {
      const { timeUs, scores } = await drive(8_001 + vehicle, FAULTY_SEC, fault)
      for (const [d, list] of scores.entries()) {
        const found = foundAfterSec(timeUs, list, thresholds[d].value, gapMs)
        if (found !== undefined) delays[d].push(found)
      }
    }
    const told = delays.map((list, d) => {
      const after = list.length ? `, half of them within ${(median(list) / 60).toFixed(1)} min` : ''
      return `${DETECTORS[d]} ${list.length} of ${FAULTY_VEHICLES}${after}`
    })
    console.error(`  ${fault.kind} × ${fault.rate}: ${told.join('; ')}`)
    for (const d of [1, 2]) {
      const share = (list: number[]) => list.length / FAULTY_VEHICLES
      rows.push({
        name: `${fault.kind} × ${fault.rate} found in ${FAULTY_SEC / 3600} h`,
        unit: 'share',
        ours: share(delays[0]),
        peer: DETECTORS[d],
        theirs: share(delays[d]),
        ratio: share(delays[0]) / share(delays[d]),
      })
      if (delays[0].length === 0 || delays[d].length === 0) continue
      const [ours, theirs] = [median(delays[0]) / 60, median(delays[d]) / 60]
      rows.push({
        name: `${fault.kind} × ${fault.rate}, median time to find`,
        unit: 'min',
        ours,
        peer: DETECTORS[d],
        theirs,
        ratio: theirs / ours,
      })
    }
  }
  return rows
}

/** Seconds from the fault to the first event that begins after it. */
function foundAfterSec(timeUs: number[], scores: number[], threshold: number, gapMs: number) {
  const watch = new Alarm(threshold, alarm, gapMs)
  for (const [i, score] of scores.entries()) {
    const sec = (timeUs[i] - DRIVE_START_US) / 1e6
    if (watch.step(score, timeUs[i]) === 'begin' && sec > FAULT_AT_SEC) return sec - FAULT_AT_SEC
  }
  return undefined
}
