import type { Inference } from '../../models/scorer.ts'
import type { Collected } from '../collection/campaign.ts'

/**
 * The record that begins or ends an anomaly.
 * @param ended why it ends, where that is not for its score
 */
export function inferenceRecord(model: string, inference: Inference, ended?: string): Collected {
  const { timeUs, event, score, threshold, contributors, bundleHash, runtime } = inference
  const { latencyUs, sourceFromUs, sourceToUs } = inference
  return {
    type: 'milepost.inference.v1',
    timeUs,
    content: {
      model,
      event: ended ? 'end' : event,
      ...(ended ? { ended } : {}),
      timeUs,
      score,
      threshold,
      contributors,
      bundleHash,
      runtime,
      latencyUs,
      sourceFromUs,
      sourceToUs,
    },
  }
}
