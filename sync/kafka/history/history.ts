import { setTimeout as sleep } from 'node:timers/promises'
import type { RegistryConnection } from '../../avro/config.ts'
import type { AvroDecoder } from '../../avro/decoder.ts'
import { SyncError } from '../../errors.ts'
import { attempt, bounded } from '../bounded.ts'
import type { KafkaConnection } from '../client.ts'
import { type Cluster, createCluster } from '../cluster.ts'
import { loadAllCodecs } from '../codecs.ts'
import { syncErrorOf } from '../failure.ts'
import { patiently } from '../patience.ts'
import { AnswerBuffers } from './answers.ts'
import { HistoryBatch } from './batch.ts'
import {
  byLeader,
  type Cursor,
  cursorsOf,
  type FetchAnswer,
  type FetchLimits,
  fetchFrom,
} from './fetcher.ts'
import {
  gone,
  type HistoryFrom,
  type HistoryRange,
  type HistoryTo,
  resolveRanges,
} from './range.ts'

export interface HistoryProgress {
  readonly records: number
  /** As they came over the network, aborted and control records included. */
  readonly bytes: number
  /** Offsets passed, of all that lie in the ranges. */
  readonly doneOffsets: number
  readonly totalOffsets: number
}

export interface HistoryOptions extends KafkaConnection {
  readonly topic: string
  /** Payloads in Confluent's Avro format are given as JSON; without one, as they are. */
  readonly registry?: RegistryConnection
  /** Default `earliest`. */
  readonly from?: HistoryFrom
  /** Default `latest`. */
  readonly to?: HistoryTo
  /**
   * One partition after the other, the lowest first, instead of all at once: then the same ranges give
   * the same records in the same order every time.
   */
  readonly oneByOne?: boolean
  /** A batch's bytes are used again once the next one is asked for: nothing may be kept of it. */
  readonly reuseBytes?: boolean
  /** Told once what will be read, before the first batch. */
  readonly onRanges?: (ranges: readonly HistoryRange[]) => void
  /** Told after each answer of a broker. */
  readonly onProgress?: (progress: HistoryProgress) => void
  /** Stops the reading; the iteration then throws the signal's reason. */
  readonly signal?: AbortSignal
  /** Memory: about twice this for each broker that leads a partition, plus one batch uncompressed. */
  readonly maxFetchBytes?: number
  /** Longest time to connect and settle the ranges. */
  readonly openTimeoutMs?: number
  /**
   * Of that, longest wait for transactions that are open as it begins; below `openTimeoutMs`. What then
   * still lies behind one is not read, and told as `held` of its range.
   */
  readonly settleTimeoutMs?: number
  /** Longest time without any record of any partition, failed tries included. */
  readonly stallTimeoutMs?: number
}

const DEFAULT_MAX_FETCH_BYTES = 8 * 1024 * 1024
const MAX_PARTITION_BYTES = 4 * 1024 * 1024
const DEFAULT_OPEN_TIMEOUT_MS = 20_000
const DEFAULT_STALL_TIMEOUT_MS = 60_000
const RETRY_INTERVAL_MS = 250
const DISCONNECT_TIMEOUT_MS = 1_000

/**
 * Reads committed records of all partitions of a topic, from the tier as from the broker's disk, in
 * order within each partition, and ends by itself where the ranges end that were settled at the
 * start. Joins no consumer group, so none is left behind. The next answer is fetched while a batch
 * is being used, and no further. Throws `SyncError`: `UPLINK_OFFLINE`, `UPLINK_DENIED`,
 * `UPLINK_TOPIC_MISSING`, `HISTORY_RANGE`.
 */
export async function* readHistory(
  options: HistoryOptions,
): AsyncGenerator<HistoryBatch, void, void> {
  const { topic, signal } = options
  signal?.throwIfAborted()
  const doing = `Reading ${topic} from ${options.brokers.join(', ')}`
  const { cluster, sockets } = await createCluster(options)
  const abort = () => sockets.destroy()
  signal?.addEventListener('abort', abort, { once: true })
  try {
    await loadAllCodecs()
    const openTimeoutMs = options.openTimeoutMs ?? DEFAULT_OPEN_TIMEOUT_MS
    const ranges = await bounded(open(cluster, options), openTimeoutMs, doing)
    options.onRanges?.(ranges)
    yield* new Reading(cluster, options, ranges).batches()
  } catch (error) {
    signal?.throwIfAborted()
    const failure = syncErrorOf(error, doing)
    if (failure.code !== 'UPLINK_TOPIC_MISSING') throw failure
    const hint = 'Check the name of the topic (--topic).'
    throw new SyncError(failure.code, `The cluster has no topic ${topic}`, { cause: error, hint })
  } finally {
    signal?.removeEventListener('abort', abort)
    if (!signal?.aborted) await attempt(cluster.disconnect(), DISCONNECT_TIMEOUT_MS)
    sockets.destroy()
  }
}

async function open(cluster: Cluster, options: HistoryOptions): Promise<HistoryRange[]> {
  await cluster.connect()
  await cluster.addTargetTopic(options.topic)
  const { topic, from = 'earliest', to = 'latest', signal } = options
  return patiently(() => resolveRanges(cluster, topic, from, to, options), {
    between: () => cluster.refreshMetadata(),
    signal,
  })
}

class Reading {
  readonly #cluster: Cluster
  readonly #options: HistoryOptions
  readonly #cursors: readonly Cursor[]
  readonly #limits: FetchLimits
  readonly #stallTimeoutMs: number
  readonly #buffers: AnswerBuffers | undefined
  readonly #underWay = new Map<number, Promise<{ leader: number; answer: FetchAnswer | Error }>>()
  readonly #totalOffsets: number
  #decoder: AvroDecoder | undefined
  #records = 0
  #bytes = 0
  #movedAtMs = performance.now()

  constructor(cluster: Cluster, options: HistoryOptions, ranges: readonly HistoryRange[]) {
    this.#cluster = cluster
    this.#options = options
    this.#cursors = cursorsOf(ranges)
    this.#totalOffsets = ranges.reduce((sum, { from, to }) => sum + to - from, 0)
    const maxFetchBytes = options.maxFetchBytes ?? DEFAULT_MAX_FETCH_BYTES
    const maxPartitionBytes = Math.min(maxFetchBytes, MAX_PARTITION_BYTES)
    this.#limits = { maxFetchBytes, maxPartitionBytes }
    this.#buffers = options.reuseBytes ? new AnswerBuffers() : undefined
    this.#stallTimeoutMs = options.stallTimeoutMs ?? DEFAULT_STALL_TIMEOUT_MS
  }

  async *batches(): AsyncGenerator<HistoryBatch, void, void> {
    while (this.#ask()) {
      const { leader, answer } = await bounded(
        Promise.race(this.#underWay.values()),
        this.#stallTimeoutMs,
        `Reading ${this.#options.topic}`,
      )
      this.#underWay.delete(leader)
      this.#options.signal?.throwIfAborted()
      if (answer instanceof Error) {
        await this.#recover(answer)
        continue
      }
      for (const { cursor, earliest } of answer.outOfRange) {
        throw gone(this.#options.topic, cursor.partition, cursor.position, earliest)
      }
      if (answer.fetched.length === 0) await this.#recover(answer.failure)
      else this.#movedAtMs = performance.now()
      // Cursors have moved: the next answer may come while this one is used.
      this.#ask()
      yield* this.#open(answer)
      this.#buffers?.giveBack(answer.copy)
      this.#movedAtMs = performance.now()
      this.#report()
    }
  }

  /** Sees that each broker has a request to work on; false when nothing is left to ask for. */
  #ask(): boolean {
    const { topic, oneByOne } = this.#options
    const left = this.#cursors.filter(({ position, to }) => position < to)
    const wanted = oneByOne ? left.slice(0, 1) : left
    for (const [leader, cursors] of byLeader(this.#cluster, topic, wanted)) {
      if (this.#underWay.has(leader)) continue
      const answer = fetchFrom(this.#cluster, topic, leader, cursors, this.#limits, this.#buffers)
        .catch((error: Error) => error)
        .then((answer) => ({ leader, answer }))
      this.#underWay.set(leader, answer)
    }
    return this.#underWay.size > 0
  }

  async *#open({ fetched }: FetchAnswer): AsyncGenerator<HistoryBatch, void, void> {
    const { topic, signal } = this.#options
    for (const { cursor, from, batches, bytes } of fetched) {
      this.#bytes += bytes
      for (const { committed, frame } of batches) {
        if (!committed) continue
        signal?.throwIfAborted()
        const batch = new HistoryBatch(topic, cursor.partition, await frame(), from, cursor.to)
        this.#records += batch.length
        if (batch.length === 0) continue
        await this.#decode(batch)
        yield batch
      }
    }
  }

  /** Where there is a registry: payloads in Avro become the JSON that they were. */
  async #decode(batch: HistoryBatch): Promise<void> {
    const { registry } = this.#options
    if (!registry) return
    const { AvroDecoder } = await import('../../avro/decoder.ts')
    this.#decoder ??= new AvroDecoder(registry)
    for (let index = 0; index < batch.length; index++) {
      if (!AvroDecoder.isAvro(batch.header(index, 'content-type'))) continue
      const bytes = batch.value(index)
      if (!bytes) continue
      await this.#decoder.prepare(bytes)
      batch.setDecoded(index, this.#decoder.toJson(bytes))
    }
  }

  /** Waits a little before the next try, and gives up where nothing has moved for too long. */
  async #recover(failure: Error | undefined): Promise<void> {
    const { topic, signal } = this.#options
    if (performance.now() - this.#movedAtMs > this.#stallTimeoutMs) {
      const doing = `Reading ${topic}: nothing came in ${this.#stallTimeoutMs} ms`
      throw syncErrorOf(failure ?? new Error('the broker answers with no records'), doing)
    }
    if (!failure) return
    const { code } = syncErrorOf(failure, '')
    if (code === 'UPLINK_DENIED') throw failure
    await sleep(RETRY_INTERVAL_MS, undefined, { signal })
    // Perhaps another broker leads the partition by now.
    await this.#cluster.refreshMetadata().catch(() => {})
  }

  #report(): void {
    const left = this.#cursors.reduce(
      (sum, { position, to }) => sum + Math.max(0, to - position),
      0,
    )
    this.#options.onProgress?.({
      records: this.#records,
      bytes: this.#bytes,
      doneOffsets: this.#totalOffsets - left,
      totalOffsets: this.#totalOffsets,
    })
  }
}
