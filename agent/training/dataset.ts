import type { FeatureSpec } from '../../models/features/spec.ts'
import { type Dataset, rowDataset, type Tensor1D } from '../../models/runtime/dataset.ts'
import { type HistoryRange, isByTime } from '../../sync/kafka/history.ts'
import type { LogOptions } from './log.ts'
import { notesOf } from './notes.ts'
import { HistoryRows } from './rows.ts'

export interface HistoryDatasetOptions extends LogOptions {
  /** What a row is: a recipe's features (raw values), or a bundle's (scaled as in its training). */
  readonly features: FeatureSpec
  /** Told after each iteration what of the history could not be used, and why. */
  readonly onNotes?: (notes: readonly string[]) => void
}

/**
 * The history of a topic of milepost as a `tf.data` dataset, to train any TensorFlow.js model on it: one
 * tensor a feature row, in the same order in every iteration. What `latest` means is settled by the first
 * iteration, so that all epochs see the same rows. The counterpart of `tfio.IODataset.from_kafka`.
 * @throws SyncError as `readHistory`, from the iteration
 */
export async function historyDataset(options: HistoryDatasetOptions): Promise<Dataset<Tensor1D>> {
  const { features, onNotes, ...log } = options
  let settled: readonly HistoryRange[] | undefined
  const offsets = (end: 'from' | 'to') =>
    settled && { offsets: Object.fromEntries(settled.map((one) => [one.partition, one[end]])) }
  async function* rows() {
    const history = new HistoryRows(
      {
        ...log,
        from: offsets('from') ?? log.from,
        to: offsets('to') ?? log.to,
        onRanges: (ranges) => {
          settled ??= ranges
          log.onRanges?.(ranges)
        },
      },
      features,
    )
    for await (const step of history.steps()) {
      yield { values: step.rows.scaled, count: step.rows.count }
    }
    onNotes?.(
      notesOf(features.inputs, {
        log: history.log.counts,
        features: history.features.counts,
        skippedBy: history.features.skippedBy,
        problems: history.features.problems,
        unheard: history.features.unheard,
        ranges: history.log.ranges,
        byTime: isByTime(options),
      }),
    )
  }
  return rowDataset(rows, features.inputs.length)
}
