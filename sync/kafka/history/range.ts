import { SyncError } from '../../errors.ts'
import type { Cluster } from '../cluster.ts'
import { stableEnds } from './ends.ts'

/** Where to begin. Offsets count in each partition; a time is Kafka's timestamp of a record. */
export type HistoryFrom =
  | 'earliest'
  | { readonly offset: number }
  | { readonly timeUs: number }
  /** Exactly these: an error where one of them is gone already. */
  | { readonly offsets: Readonly<Record<number, number>> }

/** Where to end, itself not included; `latest` is what is committed when the reading begins. */
export type HistoryTo =
  | 'latest'
  | { readonly offset: number }
  | { readonly timeUs: number }
  | { readonly offsets: Readonly<Record<number, number>> }

/** The part of a partition that is read: `from <= offset < to`. */
export interface HistoryRange {
  readonly partition: number
  readonly from: number
  readonly to: number
}

/** Whether a bound is a time: records that carry none are then in the range, or not, by where they lie. */
export function isByTime(range: { readonly from?: HistoryFrom; readonly to?: HistoryTo }): boolean {
  return [range.from, range.to].some((bound) => typeof bound === 'object' && 'timeUs' in bound)
}

/** Settles, once and for all, what will be read. */
export async function resolveRanges(
  cluster: Cluster,
  topic: string,
  from: HistoryFrom,
  to: HistoryTo,
  patience: { signal?: AbortSignal; settleTimeoutMs?: number } = {},
): Promise<HistoryRange[]> {
  const partitions = cluster
    .findTopicPartitionMetadata(topic)
    .map(({ partitionId }) => ({ partition: partitionId }))
    .sort((a, b) => a.partition - b.partition)
  const ask = async (what: object) => {
    const [answer] = await cluster.fetchTopicsOffset([{ topic, partitions, ...what }])
    return new Map(answer.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
  }
  const earliest = await ask({ fromBeginning: true })
  // What is committed or aborted for good.
  const latest = await stableEnds(cluster, topic, partitions, patience)
  const place = async (bound: HistoryFrom | HistoryTo) => {
    if (bound === 'earliest') return (partition: number) => earliest.get(partition)!
    if (bound === 'latest') return (partition: number) => latest.get(partition)!
    if ('offset' in bound) return () => bound.offset
    if ('offsets' in bound) return (partition: number) => bound.offsets[partition]
    const found = await ask({ fromTimestamp: Math.ceil(bound.timeUs / 1000) })
    return (partition: number) => {
      const offset = found.get(partition)!
      return offset < 0 ? latest.get(partition)! : offset
    }
  }
  const first = await place(from)
  const last = await place(to)
  const strictFrom = typeof from === 'object' && 'offsets' in from
  const strictTo = typeof to === 'object' && 'offsets' in to
  const ranges: HistoryRange[] = []
  for (const { partition } of partitions) {
    const low = earliest.get(partition)!
    const high = latest.get(partition)!
    const wanted = first(partition)
    const until = last(partition)
    if (wanted === undefined || until === undefined) continue
    if (strictFrom && wanted < low) throw gone(topic, partition, wanted, low)
    if (strictTo && until > high) throw notYet(topic, partition, until, high)
    const start = Math.min(Math.max(wanted, low), high)
    ranges.push({ partition, from: start, to: Math.max(start, Math.min(until, high)) })
  }
  return ranges
}

export function gone(topic: string, partition: number, wanted: number, low: number): SyncError {
  return new SyncError(
    'HISTORY_RANGE',
    `Partition ${partition} of ${topic} begins at offset ${low} now; ${wanted} is gone`,
    { hint: 'Raise `retention.ms` of the topic to keep history for longer, or begin later.' },
  )
}

function notYet(topic: string, partition: number, wanted: number, high: number): SyncError {
  return new SyncError(
    'HISTORY_RANGE',
    `Partition ${partition} of ${topic} ends at offset ${high}, before ${wanted}`,
    { hint: 'Is this the topic that the range was recorded on? A topic made anew begins at 0.' },
  )
}
