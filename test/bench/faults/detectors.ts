import type { DriveRows } from '../../../agent/cli/model-drives.ts'
import type { Bundle } from '../../../models/bundle/load.ts'
import type { Manifest } from '../../../models/bundle/manifest.ts'
import { RowMaker } from '../../../models/features/row.ts'
import type { InputSpec } from '../../../models/features/spec.ts'
import { judgeOf } from '../../../models/judge.ts'
import { openNetwork } from '../../../models/runtime/open.ts'
import { GAP_STEPS } from '../../../models/scorer.ts'
import { RowStore } from '../../../models/training/row-store.ts'
import { chooseThreshold, countAlarms } from '../../../models/training/threshold.ts'

/** Ours and two usual ways, on the same rows and with the same alarm. */
export const DETECTORS = ['the bundle', 'per-signal limits', 'three sigma'] as const

/** Scores of each detector for each row of one drive. */
export interface Scores {
  readonly timeUs: Float64Array
  readonly scores: readonly Float64Array[]
}

export async function openDetectors(bundle: Bundle): Promise<(drive: DriveRows) => Scores> {
  const judge = judgeOf(bundle, (await openNetwork(bundle, 'compiled')).network)
  const { features } = bundle.manifest
  const { inputs } = features
  // Limits are set to signals as they are read: what is worked out of them in other ways is ours.
  const plain = [...inputs.keys()].filter((i) => isPlain(inputs[i]))
  return ({ timeUs, values }) => {
    const maker = new RowMaker(features)
    const scores = DETECTORS.map(() => new Float64Array(timeUs.length))
    for (let row = 0; row < timeUs.length; row++) {
      const raw = values.subarray(row * inputs.length, (row + 1) * inputs.length)
      const { scaled } = maker.make(raw, timeUs[row])!
      scores[0][row] = judge.score(scaled)
      // How far outside of all that was seen in training, in terms of its range.
      let outside = Number.NEGATIVE_INFINITY
      for (const i of plain) {
        const { min, max } = inputs[i].range
        const width = max - min || Math.abs(max) || 1
        outside = Math.max(outside, (raw[i] - max) / width, (min - raw[i]) / width)
      }
      scores[1][row] = 1 + outside
      scores[2][row] = Math.max(...plain.map((i) => Math.abs(scaled[i])))
    }
    return { timeUs, scores }
  }
}

/** One signal, over the row's own window. */
function isPlain({ aggregate, windowMs, over }: InputSpec): boolean {
  return aggregate !== 'change' && (windowMs ?? over) === undefined
}

/** Drives without a fault: what thresholds are chosen by, or false alarms are counted on. */
export class Healthy {
  readonly #manifest: Manifest
  readonly #rows = new RowStore(0, 5_000_000)
  readonly #scores: number[][] = DETECTORS.map(() => [])
  #vehicles = 0

  constructor(manifest: Manifest) {
    this.#manifest = manifest
  }

  get hours(): number {
    return (this.#rows.count * this.#manifest.features.sampleEveryMs) / 3_600_000
  }

  add({ timeUs, scores }: Scores): void {
    for (const at of timeUs) this.#rows.push(this.#vehicles, at, new Float64Array(0))
    for (const [d, list] of scores.entries()) for (const score of list) this.#scores[d].push(score)
    this.#vehicles++
  }

  /** Of each detector, as a training chooses it. */
  thresholds(wanted: { alarms: number; hours: number }): number[] {
    const { alarm, features } = this.#manifest
    return this.#scores.map((scores, d) => {
      const { value, basis } = chooseThreshold(
        Float64Array.from(scores),
        this.#rows,
        wanted,
        alarm,
        features.sampleEveryMs,
        features.sampleEveryMs * GAP_STEPS,
      )
      console.error(
        `  ${DETECTORS[d]}: threshold ${value}, ${basis} from ${this.hours.toFixed(1)} h`,
      )
      return value
    })
  }

  alarms(detector: number, threshold: number): number {
    const { alarm, features } = this.#manifest
    const gapMs = features.sampleEveryMs * GAP_STEPS
    const scores = Float64Array.from(this.#scores[detector])
    return countAlarms(scores, this.#rows, threshold, alarm, gapMs)
  }
}
