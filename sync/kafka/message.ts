import type { Lane, Origin, StoredRecord } from '../record.ts'

/** A message as kafkajs takes it. */
export interface KafkaMessage {
  key: string
  value: Buffer
  partition: number
  timestamp: string
  headers: Record<string, string>
}

/** Kafka's "no timestamp" (KIP-32): such a record is not checked against the broker's clock. */
const NO_TIMESTAMP = '-1'
/** Brokers refuse records from the future; a clock may be this far ahead without harm. */
const MAX_AHEAD_MS = 60_000

/**
 * Record batch and record overhead (KIP-98, "Message Format"), rounded up: lengths, attributes,
 * deltas, and two lengths for each header.
 */
export const BATCH_OVERHEAD_BYTES = 61
const RECORD_OVERHEAD_BYTES = 32
const HEADER_OVERHEAD_BYTES = 4

/**
 * Makes the message of a record: CloudEvents 1.0 in binary mode (Kafka protocol binding 1.0.2,
 * section 3.2), and what only we need under `mp_`. A time that no clock vouches for is not given to
 * Kafka, whose retention would act on it; it stays in `ce_time`.
 */
export function messageOf(
  record: StoredRecord,
  { vehicle, epoch }: Origin,
  nowMs: number,
): Omit<KafkaMessage, 'partition'> {
  const timeMs = Math.floor(record.timeUs / 1000)
  const known = record.clock !== 'unsynced' && timeMs > 0 && timeMs <= nowMs + MAX_AHEAD_MS
  const { payload } = record
  return {
    key: vehicle,
    value: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength),
    timestamp: known ? String(timeMs) : NO_TIMESTAMP,
    headers: {
      ce_specversion: '1.0',
      ce_id: `${vehicle}/${epoch}/${record.seq}`,
      ce_source: `/milepost/${encodeURIComponent(vehicle)}`,
      ce_type: record.type,
      ce_time: rfc3339(record.timeUs),
      'content-type': record.contentType,
      mp_epoch: epoch,
      mp_seq: String(record.seq),
      mp_prev: String(record.prev),
      mp_lane: record.lane,
      mp_clock: record.clock,
      mp_boot: record.bootId,
      mp_mono: String(record.monoUs),
    },
  }
}

/** An upper bound of the bytes that a message takes in its batch, before compression. */
export function messageBytes(message: Omit<KafkaMessage, 'partition'>): number {
  let bytes = RECORD_OVERHEAD_BYTES + Buffer.byteLength(message.key) + message.value.length
  for (const name in message.headers) {
    bytes += HEADER_OVERHEAD_BYTES + name.length + Buffer.byteLength(message.headers[name])
  }
  return bytes
}

const MIN_TIME_US = Date.UTC(0, 0, 1) * 1000
const MAX_TIME_US = Date.UTC(9999, 11, 31) * 1000

/** Records that follow each other are mostly of the same second. */
let lastSecond = { seconds: Number.NaN, text: '' }

/** RFC 3339 with microseconds. A time outside of what it can say is told as the nearest one. */
function rfc3339(timeUs: number): string {
  const us = Math.min(Math.max(Math.trunc(timeUs) || 0, MIN_TIME_US), MAX_TIME_US)
  const seconds = Math.floor(us / 1_000_000)
  const fraction = String(us - seconds * 1_000_000).padStart(6, '0')
  if (seconds !== lastSecond.seconds) {
    lastSecond = { seconds, text: new Date(seconds * 1000).toISOString().slice(0, -5) }
  }
  return `${lastSecond.text}.${fraction}Z`
}

type Headers = Readonly<Record<string, Buffer | string | (Buffer | string)[] | null | undefined>>

/** Reads a record's identity back from its headers; undefined where another program wrote it. */
export function identityOf(
  headers: Headers,
): { vehicle: string; epoch: string; lane: Lane; seq: number; prev: number } | undefined {
  const text = (name: string) => headers[name]?.toString()
  const id = text('ce_id')
  const epoch = text('mp_epoch')
  const seq = Number(text('mp_seq'))
  if (id === undefined || epoch === undefined || !Number.isSafeInteger(seq)) return undefined
  const tail = `/${epoch}/${seq}`
  if (!id.endsWith(tail)) return undefined
  return {
    vehicle: id.slice(0, -tail.length),
    epoch,
    lane: text('mp_lane') as Lane,
    seq,
    prev: Number(text('mp_prev')),
  }
}
