import type { DriveRows } from '../../../agent/drives/drive.ts'
import type { Bundle } from '../../../models/bundle/load.ts'
import type { AlarmSpec } from '../../../models/bundle/manifest.ts'
import { RowMaker } from '../../../models/features/row.ts'
import type { FeatureSpec } from '../../../models/features/spec.ts'
import { judgeOf } from '../../../models/judge.ts'
import { openNetwork } from '../../../models/runtime/open.ts'

/** Ours, our model for quick faults, and two usual ways. */
export const DETECTORS = [
  'the bundle',
  'the autoencoder',
  'per-signal limits',
  'three sigma',
] as const

/** Scores of each detector for each row of one drive. */
export interface Scores {
  readonly timeUs: Float64Array
  readonly scores: readonly Float64Array[]
}

/** Scores rows that hold the columns of both bundles: the same rows for all, and the same alarm over them. */
export interface Detectors {
  readonly features: FeatureSpec
  readonly alarm: AlarmSpec
  score(drive: DriveRows): Scores
}

/** @param watched its inputs are the signals that limits are set to, each as it is read */
export async function openDetectors(slow: Bundle, watched: Bundle): Promise<Detectors> {
  const [ours, quick] = await Promise.all([slow, watched].map(scorerOf))
  const { inputs } = watched.manifest.features
  const width = inputs.length
  const features = {
    ...slow.manifest.features,
    inputs: [...inputs, ...slow.manifest.features.inputs],
  }
  return {
    features,
    alarm: slow.manifest.alarm,
    score({ timeUs, values }) {
      const scores = DETECTORS.map(() => new Float64Array(timeUs.length))
      const [judge, autoencoder] = [ours(), quick()]
      for (const [row, at] of timeUs.entries()) {
        const raw = values.subarray(
          row * features.inputs.length,
          (row + 1) * features.inputs.length,
        )
        scores[0][row] = judge(raw.subarray(width), at).score
        const watchedRow = autoencoder(raw.subarray(0, width), at)
        scores[1][row] = watchedRow.score
        // How far outside of all that was seen in training, in terms of its range.
        let outside = Number.NEGATIVE_INFINITY
        for (const [i, { range }] of inputs.entries()) {
          const { min, max } = range
          const span = max - min || Math.abs(max) || 1
          outside = Math.max(outside, (raw[i] - max) / span, (min - raw[i]) / span)
        }
        scores[2][row] = 1 + outside
        scores[3][row] = Math.max(...watchedRow.scaled.map(Math.abs))
      }
      return { timeUs, scores }
    },
  }
}

/** Scores rows of one drive after the other with a bundle. */
async function scorerOf(bundle: Bundle) {
  const judge = judgeOf(bundle, (await openNetwork(bundle, 'compiled')).network)
  return () => {
    const maker = new RowMaker(bundle.manifest.features)
    return (raw: Float64Array, timeUs: number) => {
      const { scaled } = maker.make(raw, timeUs)!
      return { scaled, score: judge.score(scaled) }
    }
  }
}
