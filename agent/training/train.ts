import type { Bundle } from '../../models/bundle/load.ts'
import type { TrainingSource } from '../../models/bundle/manifest.ts'
import { ModelError } from '../../models/errors.ts'
import type { LogCounts } from '../../models/features/log.ts'
import type { LoggedUnitProblem } from '../../models/features/log-units.ts'
import { unheardOf } from '../../models/features/spec.ts'
import type { Progress } from '../../models/training/fitted.ts'
import type { Recipe } from '../../models/training/recipe.ts'
import { type CollectedRows, RowCollector } from '../../models/training/rows.ts'
import { trainCollected } from '../../models/training/train.ts'
import type { KafkaConnection } from '../../sync/kafka/client.ts'
import {
  type HistoryFrom,
  type HistoryProgress,
  type HistoryRange,
  type HistoryTo,
  isByTime,
} from '../../sync/kafka/history.ts'
import { CODE_VERSION } from '../code-version.ts'
import { TrainingCheckpoint } from './checkpoint.ts'
import type { LogRecordCounts } from './log.ts'
import { notesOf } from './notes.ts'
import { HistoryRows } from './rows.ts'

export interface LogTrainingOptions {
  readonly connection: KafkaConnection
  readonly topic: string
  readonly from: HistoryFrom
  readonly to: HistoryTo
  /** The range in the words in which it was asked for: what a checkpoint goes by. */
  readonly asked: { readonly from: string; readonly to: string }
  readonly recipe: Recipe
  readonly out: string
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: HistoryProgress, rows: number) => void
  readonly onCollected?: () => void
  readonly onEpoch?: Progress['onEpoch']
  /** Told once if an earlier run is gone on from, or why its state is not. */
  readonly onResume?: (what: { partitions: number; epochs: number } | { refused: string }) => void
}

export interface LogTraining {
  readonly bundle: Bundle
  /** What was left out of the history, and why. */
  readonly notes: readonly string[]
  /** What was read, and what of it not, as a transaction was open before it. */
  readonly ranges: readonly HistoryRange[]
}

/** Where a reading is: what a checkpoint keeps beside the rows. */
interface Place {
  ranges: readonly HistoryRange[]
  done: number[]
  readonly log: LogRecordCounts
  features: LogCounts
  skippedBy: number[]
  heard: number[]
  problems: readonly LoggedUnitProblem[]
  /** Vehicles of each partition that is done, by its number. */
  homes: readonly (readonly [string, number])[]
}

/**
 * Trains a bundle from the history of a topic. The same offsets, recipe and code give the same bundle
 * hash, also where a run was killed and another went on from its checkpoint.
 * @throws SyncError as `readHistory`, ModelError as `trainBundle`, the signal's reason
 */
export async function trainFromLog(options: LogTrainingOptions): Promise<LogTraining> {
  const { topic, recipe, out, asked, signal } = options
  const checkpoint = new TrainingCheckpoint(out, {
    topic,
    ...asked,
    recipe: recipe.sha256,
    codeVersion: CODE_VERSION,
  })
  const collector = new RowCollector(recipe)
  const place = restore(checkpoint, collector)
  const epochs = Number(checkpoint.epoch?.meta.epoch ?? 0)
  if (place) options.onResume?.({ partitions: place.done.length, epochs })
  else if (checkpoint.refused) options.onResume?.({ refused: checkpoint.refused })
  const read = await collect(options, checkpoint, collector, place)
  const unheard = unheardOf(recipe.features, read.heard)
  const notes = notesOf(recipe.features.inputs, { ...read, unheard, byTime: isByTime(options) })
  options.onCollected?.()
  const bundle = await trainCollected(finish(collector, notes), {
    recipe,
    out,
    codeVersion: CODE_VERSION,
    source: () => sourceOf(topic, read),
    onEpoch: (epoch, of, loss) => {
      options.onEpoch?.(epoch, of, loss)
      signal?.throwIfAborted()
    },
    resumeFrom: checkpoint.epoch,
    saveEpoch: (state) => checkpoint.saveEpoch(state),
  })
  checkpoint.remove()
  return { bundle, notes, ranges: read.ranges }
}

function restore(checkpoint: TrainingCheckpoint, collector: RowCollector): Place | undefined {
  if (!checkpoint.rows) return undefined
  const { meta, arrays } = checkpoint.rows
  collector.restore({ meta: meta.rows as Record<string, unknown>, arrays })
  return { ...(meta.place as Place), ranges: meta.ranges as HistoryRange[] }
}

/** Reads what is left of the ranges into the collector, keeping the state after each partition. */
async function collect(
  options: LogTrainingOptions,
  checkpoint: TrainingCheckpoint,
  collector: RowCollector,
  before: Place | undefined,
): Promise<Place> {
  const { connection, topic, recipe, signal } = options
  const left = before?.ranges.filter(({ partition }) => !before.done.includes(partition))
  const history = new HistoryRows(
    {
      ...connection,
      topic,
      signal,
      from: left ? { offsets: offsetsOf(left, 'from') } : options.from,
      to: left ? { offsets: offsetsOf(left, 'to') } : options.to,
      onProgress: (progress) => options.onProgress?.(progress, collector.records),
    },
    recipe.features,
  )
  const { log, features } = history
  if (before) {
    Object.assign(log.counts, before.log)
    for (const [vehicle, partition] of before.homes) log.homes.set(vehicle, partition)
    features.restore(before.features, before.skippedBy, before.heard)
    features.problems.push(...before.problems)
  }
  const done = before?.done ?? []
  const place = (): Place => ({
    ranges: before?.ranges ?? log.ranges,
    done,
    log: log.counts,
    features: features.counts,
    skippedBy: features.skippedBy,
    heard: features.heard,
    problems: features.problems,
    homes: [...log.homes],
  })
  for await (const { rows, finished } of history.steps()) {
    for (let i = 0; i < rows.count; i++) {
      const values = rows.raw.subarray(i * rows.width, (i + 1) * rows.width)
      collector.add({ vehicle: rows.vehicle[i], timeUs: rows.timeUs[i], values })
    }
    if (!finished) continue
    done.push(finished.partition)
    const { ranges, ...rest } = place()
    checkpoint.saveRows(ranges, { place: rest }, collector.save())
  }
  return place()
}

function offsetsOf(ranges: readonly HistoryRange[], end: 'from' | 'to'): Record<number, number> {
  return Object.fromEntries(ranges.map((range) => [range.partition, range[end]]))
}

/** @throws ModelError `TRAINING_DATA`, with what of the history was left out */
function finish(collector: RowCollector, notes: readonly string[]): CollectedRows {
  try {
    return collector.finish()
  } catch (error) {
    if (!(error instanceof ModelError) || notes.length === 0) throw error
    const { code, message, hint } = error
    throw new ModelError(code, `${message}. ${notes.join('. ')}`, { cause: error, hint })
  }
}

function sourceOf(topic: string, { ranges, log, features }: Place): TrainingSource {
  const { readings, otherUnit, rejected, noRoom } = features
  // Of a range by times alone: the same range said by offsets gives the same bundle.
  const { untimed: _, ...counts } = log
  return {
    kind: 'topic',
    topic,
    ...counts,
    readings,
    otherUnit,
    rejected,
    ...(noRoom > 0 ? { noRoom } : {}),
    partitions: ranges.map(({ partition, from, to }) => ({
      partition,
      from: String(from),
      to: String(to),
    })),
  }
}
