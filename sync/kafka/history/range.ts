import { SyncError } from '../../errors.ts'
import type { Cluster } from '../cluster.ts'
import { settledEnds, uncommitted } from './ends.ts'

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
  /**
   * What was asked for and is not read: it was there already, and a transaction that is still open lies
   * before it, its own or another's, so that nobody can say what of it counts.
   */
  readonly held?: Held
}

/** Offsets `from <= offset < to`: records, and the marks of transactions between them. */
export interface Held {
  readonly from: number
  readonly to: number
}

/** Of settled ranges those parts that are not read, as a transaction is still open before them. */
export function heldOf(ranges: readonly HistoryRange[]): (Held & { partition: number })[] {
  return ranges.flatMap(({ partition, held }) => (held ? [{ partition, ...held }] : []))
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
  const ask = async (what: object, from = cluster) => {
    const [answer] = await from.fetchTopicsOffset([{ topic, partitions, ...what }])
    return new Map(answer.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
  }
  const earliest = await ask({ fromBeginning: true })
  const { stable, written } = await settledEnds(cluster, topic, partitions, patience)
  const end = (partition: number) => Math.max(stable.get(partition)!, written.get(partition)!)
  const place = async (bound: HistoryFrom | HistoryTo) => {
    if (bound === 'earliest') return (partition: number) => earliest.get(partition)!
    if (bound === 'latest') return end
    if ('offset' in bound) return () => bound.offset
    if ('offsets' in bound) return (partition: number) => bound.offsets[partition]
    const fromTimestamp = Math.ceil(bound.timeUs / 1000)
    const found = await ask({ fromTimestamp }, uncommitted(cluster))
    return (partition: number) => {
      const offset = found.get(partition)!
      return offset < 0 ? end(partition) : offset
    }
  }
  const first = await place(from)
  const last = await place(to)
  const strictFrom = typeof from === 'object' && 'offsets' in from
  const strictTo = typeof to === 'object' && 'offsets' in to
  const ranges: HistoryRange[] = []
  for (const { partition } of partitions) {
    const low = earliest.get(partition)!
    const high = stable.get(partition)!
    const wanted = first(partition)
    const until = last(partition)
    if (wanted === undefined || until === undefined) continue
    if (strictFrom && wanted < low) throw gone(topic, partition, wanted, low)
    if (strictTo && until > high) throw notYet(topic, partition, until, high, end(partition))
    const start = Math.min(Math.max(wanted, low), high)
    const held = { from: Math.max(wanted, high), to: Math.min(until, end(partition)) }
    ranges.push({
      partition,
      from: start,
      to: Math.max(start, Math.min(until, high)),
      ...(held.from < held.to && { held }),
    })
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

function notYet(
  topic: string,
  partition: number,
  wanted: number,
  high: number,
  end: number,
): SyncError {
  if (wanted <= end) {
    return new SyncError(
      'HISTORY_RANGE',
      `Partition ${partition} of ${topic} cannot be read beyond offset ${high} yet: a transaction that began there is still open`,
      {
        hint: 'The broker ends it after the `transaction.timeout.ms` of its producer. Try again then.',
      },
    )
  }
  return new SyncError(
    'HISTORY_RANGE',
    `Partition ${partition} of ${topic} ends at offset ${high}, before ${wanted}`,
    { hint: 'Is this the topic that the range was recorded on? A topic made anew begins at 0.' },
  )
}
