import type { Admin, CompressionTypes, Producer, Transaction } from 'kafkajs'
import type { PayloadConfig } from '../avro/config.ts'
import type { AvroEncoder } from '../avro/encoder.ts'
import { SyncError } from '../errors.ts'
import { LANES, type Lane, type Origin, type StoredRecord } from '../record.ts'
import type { Complaint } from '../status.ts'
import { tipOf } from '../tip.ts'
import type { Positions, Uplink } from '../uplink.ts'
import { attempt, bounded } from './bounded.ts'
import { type Client, createClient, type KafkaConnection } from './client.ts'
import { type Compression, loadCodec } from './codecs.ts'
import {
  type Destination,
  destinationOf,
  lookForTopics,
  missingCheckpoints,
  requireAnswers,
  topicFailure,
} from './destinations.ts'
import { syncErrorOf } from './failure.ts'
import { messageOf } from './message.ts'
import { javaPartition } from './partition.ts'
import { patiently } from './patience.ts'
import {
  fetchPositions,
  groupOf,
  type LanePosition,
  offsetsOf,
  tipsOf,
  toPositions,
} from './positions.ts'
import { type Addressed, type ProduceRequest, requestsOf } from './requests.ts'

export interface KafkaUplinkConfig extends KafkaConnection {
  /** By default `milepost.critical`, `milepost.events`, `milepost.telemetry`. */
  readonly topics?: Partial<Record<Lane, string>>
  /** Carries positions as group offsets; empty, with one partition for each lane. */
  readonly checkpointTopic?: string
  /** At-least-once is for clusters that forbid transactions; a retry may then duplicate. */
  readonly delivery?: 'exactly-once' | 'at-least-once'
  readonly compression?: Compression
  /** How payloads are written; as they are where there is none. */
  readonly payload?: PayloadConfig
  /** Not above the topic's `max.message.bytes`; a larger record is rejected before it is sent. */
  readonly maxBatchBytes?: number
  readonly maxRequestBytes?: number
  /** Longest time for `open` and `send`; `close` takes at most a little over two seconds. */
  readonly openTimeoutMs?: number
  readonly sendTimeoutMs?: number
  /** After so long without an end the broker itself aborts a transaction; above `sendTimeoutMs`. */
  readonly transactionTimeoutMs?: number
}

/**
 * Whose a record is. A relay's records have other vehicles' names on Kafka, and numbers of its own by
 * which it remembers how far it got.
 */
export type OwnerOf = (record: StoredRecord) => { origin: Origin; record: StoredRecord }

const DEFAULT_CHECKPOINT_TOPIC = 'milepost.checkpoints'
const DEFAULT_MAX_BATCH_BYTES = 1_000_000
const DEFAULT_MAX_REQUEST_BYTES = 4_000_000
const DEFAULT_OPEN_TIMEOUT_MS = 20_000
const DEFAULT_SEND_TIMEOUT_MS = 30_000
const DEFAULT_TRANSACTION_TIMEOUT_MS = 60_000
const ABORT_TIMEOUT_MS = 1_000
const DISCONNECT_TIMEOUT_MS = 1_000

/**
 * The next transaction meets the end of the last one: the broker says CONCURRENT_TRANSACTIONS until
 * it has written the markers, some milliseconds. By default kafkajs waits 300 ms before it asks
 * again, and sends 582 rec/s in batches of 100 where this sends 6,363. Five seconds in all.
 */
const PRODUCER_RETRY = {
  initialRetryTime: 3,
  maxRetryTime: 100,
  factor: 0,
  multiplier: 1.5,
  retries: 50,
}

/**
 * An uplink into Kafka. Connects nothing until `open`. With `ownerOf` records go out under their
 * owners' names, while transactional id and positions are those of the origin given to `open`.
 */
export function createKafkaUplink(config: KafkaUplinkConfig, ownerOf?: OwnerOf): Uplink {
  return new KafkaUplink(config, ownerOf)
}

class KafkaUplink implements Uplink {
  readonly #config: KafkaUplinkConfig
  readonly #checkpointTopic: string
  readonly #exactlyOnce: boolean
  readonly #ownerOf: OwnerOf | undefined
  #client: Client | undefined
  #producer: Producer | undefined
  #transaction: Transaction | undefined
  #compression: CompressionTypes | undefined
  #encoder: AvroEncoder | undefined
  #origin: Origin | undefined
  readonly #destinations = new Map<Lane, Destination>()
  readonly refusals = new Map<Lane, SyncError>()
  #positions = new Map<Lane, LanePosition>()

  constructor(config: KafkaUplinkConfig, ownerOf: OwnerOf | undefined) {
    this.#config = config
    this.#ownerOf = ownerOf
    this.#checkpointTopic = config.checkpointTopic ?? DEFAULT_CHECKPOINT_TOPIC
    this.#exactlyOnce = config.delivery !== 'at-least-once'
  }

  async open(origin: Origin): Promise<Positions> {
    const limitMs = this.#config.openTimeoutMs ?? DEFAULT_OPEN_TIMEOUT_MS
    const doing = `Connecting to ${this.#config.brokers.join(', ')}`
    try {
      return await bounded(this.#open(origin), limitMs, doing)
    } catch (error) {
      throw syncErrorOf(error, doing)
    }
  }

  async #open(origin: Origin): Promise<Positions> {
    this.#compression = await loadCodec(this.#config.compression ?? 'none')
    const { payload } = this.#config
    // Loaded only where it is asked for: a gateway without Avro does not carry it.
    if (payload?.format === 'avro')
      this.#encoder = new (await import('../avro/encoder.ts')).AvroEncoder(payload)
    this.#client = await createClient(this.#config)
    const { kafka } = this.#client
    const producer = kafka.producer({
      ...(this.#exactlyOnce
        ? { transactionalId: origin.vehicle, transactionTimeout: this.#transactionTimeoutMs }
        : { idempotent: true }),
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      retry: PRODUCER_RETRY,
      // Each message names its partition.
      createPartitioner: () => (args) => args.message.partition!,
    })
    this.#producer = producer
    await producer.connect()
    // Connecting alone does not initialise the transactional producer id in kafkajs; beginning does.
    // Only after that no transaction of an earlier run is open, and positions stand still.
    if (this.#exactlyOnce) await (await producer.transaction()).abort()

    const admin = kafka.admin()
    await admin.connect()
    try {
      if (this.#exactlyOnce) await this.#lookForPositions(admin, origin)
      await this.#lookForDestinations(admin, origin)
    } finally {
      await attempt(admin.disconnect(), DISCONNECT_TIMEOUT_MS)
    }
    this.#origin = origin
    return toPositions(this.#positions)
  }

  async #lookForPositions(admin: Admin, origin: Origin): Promise<void> {
    const topic = this.#checkpointTopic
    const count = (await lookForTopics(admin, [topic])).get(topic)!
    // Without it no lane has a position.
    if (count instanceof SyncError) throw ofLink(count, `Looking for ${topic}`)
    for (const [lane, error] of missingCheckpoints(topic, count)) this.refusals.set(lane, error)
    this.#positions = await patiently(() => fetchPositions(admin, topic, origin))
  }

  async #lookForDestinations(admin: Admin, { vehicle }: Origin): Promise<void> {
    const counts = await lookForTopics(
      admin,
      LANES.map((lane) => this.#topic(lane)),
    )
    for (const lane of LANES) {
      const topic = this.#topic(lane)
      const count = counts.get(topic)!
      if (count instanceof SyncError) this.refusals.set(lane, count)
      else {
        const whose = this.#ownerOf ? undefined : vehicle
        this.#destinations.set(lane, destinationOf(topic, count, this.#positions.get(lane), whose))
      }
    }
  }

  async send(records: readonly StoredRecord[]): Promise<void> {
    const origin = this.#origin
    if (!origin) throw new SyncError('UPLINK_OFFLINE', 'The uplink is not open')
    if (records.length === 0) return
    const limitMs = this.#config.sendTimeoutMs ?? DEFAULT_SEND_TIMEOUT_MS
    const doing = `Sending ${records.length} records`
    try {
      await bounded(this.#send(records, origin), limitMs, doing)
    } catch (error) {
      throw syncErrorOf(error, doing)
    }
  }

  async #send(records: readonly StoredRecord[], origin: Origin): Promise<void> {
    for (const [lane, refusal] of this.refusals) {
      if (records.some((record) => record.lane === lane)) throw refusal
    }
    if (this.#encoder) {
      const written = records.map((record) => this.#ownerOf?.(record).record ?? record)
      await this.#encoder.prepare(written, (lane) => this.#topic(lane))
    }
    const address = (record: StoredRecord, nowMs: number) => this.#address(record, origin, nowMs)
    const requests = requestsOf(records, address, {
      maxBatchBytes: this.#config.maxBatchBytes ?? DEFAULT_MAX_BATCH_BYTES,
      maxRequestBytes: this.#config.maxRequestBytes ?? DEFAULT_MAX_REQUEST_BYTES,
    })
    const producer = this.#producer!
    if (!this.#exactlyOnce) {
      for (const request of requests) await this.#produce(producer, request)
      return
    }
    const positions = this.#positionsAfter(records)
    const transaction = await producer.transaction()
    this.#transaction = transaction
    for (const request of requests) await this.#produce(transaction, request)
    try {
      await transaction.sendOffsets({
        consumerGroupId: groupOf(origin.vehicle),
        // Every lane each time: the cluster forgets offsets that nobody renews.
        topics: offsetsOf(this.#checkpointTopic, origin.epoch, positions),
      })
    } catch (error) {
      // No lane's own: the next `open` says what is wrong with the checkpoint topic, or the right to it.
      const { code, message, hint } = syncErrorOf(error, 'Writing positions')
      const missing = code === 'UPLINK_TOPIC_MISSING'
      throw new SyncError(missing ? 'UPLINK_OFFLINE' : code, message, { cause: error, hint })
    }
    await transaction.commit()
    this.#transaction = undefined
    this.#positions = positions
  }

  /** One at a time: kafkajs loses the sequence of sends that overlap. */
  async #produce(sender: Pick<Producer, 'sendBatch'>, request: ProduceRequest): Promise<void> {
    const answers = await sender
      .sendBatch({ ...request, acks: -1, compression: this.#compression })
      .catch((error) => {
        const topics = request.topicMessages.map(({ topic }) => topic).join(', ')
        throw topicFailure(error, topics, 'Sending to')
      })
    // kafkajs drops what is meant for a partition that it does not know, and says nothing.
    requireAnswers(request.topicMessages, answers)
  }

  get tips(): ReadonlyMap<Lane, string> | undefined {
    if (!this.#exactlyOnce) return undefined
    return tipsOf(this.#positions)
  }

  get warning(): Complaint | undefined {
    return this.#encoder?.warning
  }

  async close(): Promise<void> {
    const transaction = this.#transaction
    // Frees readers from waiting for this transaction; where it fails, the next `open` does it.
    if (transaction?.isActive()) await attempt(transaction.abort(), ABORT_TIMEOUT_MS)
    if (this.#producer) await attempt(this.#producer.disconnect(), DISCONNECT_TIMEOUT_MS)
    this.#client?.sockets.destroy()
    this.#origin = undefined
  }

  #topic(lane: Lane): string {
    return this.#config.topics?.[lane] ?? `milepost.${lane}`
  }

  get #transactionTimeoutMs(): number {
    return this.#config.transactionTimeoutMs ?? DEFAULT_TRANSACTION_TIMEOUT_MS
  }

  #address(given: StoredRecord, own: Origin, nowMs: number): Addressed {
    const { origin, record } = this.#ownerOf?.(given) ?? { origin: own, record: given }
    const { topic, partitions, partition } = this.#destinations.get(given.lane)!
    const message = messageOf(this.#encoder?.encode(record, topic) ?? record, origin, nowMs)
    return {
      topic,
      message: { ...message, partition: partition ?? javaPartition(origin.vehicle, partitions) },
    }
  }

  #positionsAfter(records: readonly StoredRecord[]): Map<Lane, LanePosition> {
    const positions = new Map(this.#positions)
    const lasts = new Map<Lane, StoredRecord>()
    for (const record of records) lasts.set(record.lane, record)
    for (const [lane, last] of lasts) {
      const { partition, partitions } = this.#destinations.get(lane)!
      positions.set(lane, { seq: last.seq, partition: partition ?? partitions, tip: tipOf(last) })
    }
    return positions
  }
}

/** A right to the checkpoint topic that is missing is no lane's own. */
function ofLink(error: SyncError, doing: string): SyncError {
  return error.code === 'UPLINK_TOPIC_DENIED' ? syncErrorOf(error.cause, doing) : error
}
