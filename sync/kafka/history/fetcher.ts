import type { Cluster } from '../cluster.ts'
import { answerOf } from '../failure.ts'
import { internal } from '../fence.ts'
import type { AnswerBuffers } from './answers.ts'
import type { HistoryRange } from './range.ts'
import { decodeFetchResponse, type RawBatch, rawBatches } from './response.ts'

const MAX_WAIT_MS = 500
const FETCH_VERSION = 11

export interface FetchLimits {
  /** Of one answer, all partitions together; one such is held while the next is on its way. */
  readonly maxFetchBytes: number
  readonly maxPartitionBytes: number
}

/** A partition on its way from `position` to `to`. */
export interface Cursor {
  readonly partition: number
  readonly to: number
  position: number
}

/** What one answer brought of one partition: batches to look into, and how far they reach. */
export interface Fetched {
  readonly cursor: Cursor
  /** Position before these batches. */
  readonly from: number
  readonly batches: readonly RawBatch[]
  readonly bytes: number
}

/** The answer of a leader: what came, and what could not be had just now. */
export interface FetchAnswer {
  readonly fetched: readonly Fetched[]
  /** The log begins after the position: retention was faster than the reader. */
  readonly outOfRange: readonly { cursor: Cursor; earliest: number }[]
  /** The broker's word for a failure that may pass. */
  readonly failure: Error | undefined
  /** Where its bytes lie, if they were copied: to be given back. */
  readonly copy: Buffer | undefined
}

const { protocol } = internal<{
  protocol(args: { version: number }): (args: object) => { request: object; requestTimeout: number }
}>('protocol/requests/fetch')
const { createErrorFromCode } = internal<{ createErrorFromCode(code: number): Error }>(
  'protocol/error',
)

export function cursorsOf(ranges: readonly HistoryRange[]): Cursor[] {
  return ranges.map(({ partition, from, to }) => ({ partition, to, position: from }))
}

/** Cursors that are not at their end, by the broker that leads their partition. */
export function byLeader(
  cluster: Cluster,
  topic: string,
  cursors: Iterable<Cursor>,
): Map<number, Cursor[]> {
  const leaders = new Map(
    cluster.findTopicPartitionMetadata(topic).map((p) => [p.partitionId, p.leader]),
  )
  const groups = new Map<number, Cursor[]>()
  for (const cursor of cursors) {
    if (cursor.position >= cursor.to) continue
    const leader = leaders.get(cursor.partition)
    if (leader === undefined) throw new Error(`Partition ${cursor.partition} has no leader`)
    const group = groups.get(leader)
    if (group) group.push(cursor)
    else groups.set(leader, [cursor])
  }
  return groups
}

/**
 * Asks one broker for what follows each cursor, and moves the cursors past what came. Control
 * batches and aborted data move a cursor as well: so it reaches its end whatever lies there.
 */
export async function fetchFrom(
  cluster: Cluster,
  topic: string,
  leader: number,
  cursors: readonly Cursor[],
  limits: FetchLimits,
  buffers?: AnswerBuffers,
): Promise<FetchAnswer> {
  let copy: Buffer | undefined
  try {
    const answer = await ask(cluster, topic, leader, cursors, limits, (payload) => {
      copy = buffers?.copyOf(payload)
      return copy ?? payload
    })
    return { ...answer, copy }
  } catch (error) {
    buffers?.giveBack(copy)
    throw error
  }
}

async function ask(
  cluster: Cluster,
  topic: string,
  leader: number,
  cursors: readonly Cursor[],
  limits: FetchLimits,
  keep: (payload: Buffer) => Buffer,
): Promise<Omit<FetchAnswer, 'copy'>> {
  const broker = await cluster.findBroker({ nodeId: leader })
  const { request, requestTimeout } = protocol({ version: FETCH_VERSION })({
    isolationLevel: 1,
    maxWaitTime: MAX_WAIT_MS,
    minBytes: 1,
    maxBytes: limits.maxFetchBytes,
    rackId: '',
    topics: [
      {
        topic,
        partitions: cursors.map(({ partition, position }) => ({
          partition,
          fetchOffset: position,
          maxBytes: limits.maxPartitionBytes,
        })),
      },
    ],
  })
  const { errorCode, partitions } = await broker.connectionPool.send<
    ReturnType<typeof decodeFetchResponse>
  >({
    request,
    requestTimeout,
    logResponseError: false,
    response: {
      decode: async (payload: Buffer) => decodeFetchResponse(keep(payload)),
      parse: identity,
    },
  })
  if (errorCode !== 0) throw createErrorFromCode(errorCode)

  const fetched: Fetched[] = []
  const outOfRange: { cursor: Cursor; earliest: number }[] = []
  let failure: Error | undefined
  for (const part of partitions) {
    const cursor = cursors.find(({ partition }) => partition === part.partition)
    if (!cursor) continue
    if (part.errorCode !== 0) {
      const error = createErrorFromCode(part.errorCode)
      if (answerOf(error) !== 'OFFSET_OUT_OF_RANGE') failure = error
      else outOfRange.push({ cursor, earliest: part.logStartOffset })
      continue
    }
    const batches = rawBatches(part).filter(({ lastOffset }) => lastOffset >= cursor.position)
    if (batches.length === 0) continue
    fetched.push({ cursor, from: cursor.position, batches, bytes: part.records.length })
    cursor.position = batches.at(-1)!.lastOffset + 1
  }
  return { fetched, outOfRange, failure }
}

function identity<T>(value: T): T {
  return value
}
