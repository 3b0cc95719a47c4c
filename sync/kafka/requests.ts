import { SyncError } from '../errors.ts'
import type { StoredRecord } from '../record.ts'
import { BATCH_OVERHEAD_BYTES, type KafkaMessage, messageBytes } from './message.ts'

/** A record made ready: where it goes, and what is written there. */
export interface Addressed {
  readonly topic: string
  readonly message: KafkaMessage
}

/** One produce request. */
export interface ProduceRequest {
  topicMessages: { topic: string; messages: KafkaMessage[] }[]
}

export interface RequestLimits {
  /** Of one batch, that is of one partition in one request: the broker's `max.message.bytes`. */
  readonly maxBatchBytes: number
  readonly maxRequestBytes: number
}

/**
 * Cuts records into produce requests, in their order: as many as fit the limits, at least one each.
 * kafkajs makes one batch of what a request holds for a partition. Made one by one, so that memory
 * holds the messages of one request and not of the whole transaction. Throws `UPLINK_REJECTED` at a
 * record that no batch can hold: sent, it could cut the connection, again and again.
 */
export function* requestsOf(
  records: readonly StoredRecord[],
  address: (record: StoredRecord, nowMs: number) => Addressed,
  limits: RequestLimits,
): Generator<ProduceRequest> {
  let topics = new Map<string, KafkaMessage[]>()
  let batchesBytes = new Map<string, number>()
  let requestBytes = 0
  const nowMs = Date.now()
  for (const record of records) {
    const { topic, message } = address(record, nowMs)
    const bytes = messageBytes(message)
    if (bytes > limits.maxBatchBytes - BATCH_OVERHEAD_BYTES) throw tooLarge(record, bytes, limits)
    const place = `${topic}/${message.partition}`
    const batchBytes = batchesBytes.get(place) ?? BATCH_OVERHEAD_BYTES
    if (
      batchBytes + bytes > limits.maxBatchBytes ||
      requestBytes + bytes > limits.maxRequestBytes
    ) {
      if (requestBytes > 0) yield request(topics)
      topics = new Map()
      batchesBytes = new Map()
      requestBytes = 0
    }
    let messages = topics.get(topic)
    if (!messages) topics.set(topic, (messages = []))
    messages.push(message)
    batchesBytes.set(place, (batchesBytes.get(place) ?? BATCH_OVERHEAD_BYTES) + bytes)
    requestBytes += bytes
  }
  if (requestBytes > 0) yield request(topics)
}

function request(topics: ReadonlyMap<string, KafkaMessage[]>): ProduceRequest {
  return { topicMessages: [...topics].map(([topic, messages]) => ({ topic, messages })) }
}

function tooLarge({ lane, seq }: StoredRecord, bytes: number, limits: RequestLimits): SyncError {
  return new SyncError(
    'UPLINK_REJECTED',
    `Record ${seq} of lane ${lane} takes ${bytes} bytes, a batch holds ${limits.maxBatchBytes}`,
    {
      hint: 'Make such records smaller, or raise `max.message.bytes` of the topic and `maxBatchBytes` here.',
      culprit: { lane, seq },
    },
  )
}
