import { messageOf } from '../../../sync/kafka/message.ts'
import type { Origin, StoredRecord } from '../../../sync/record.ts'

/** What the bare client is told to do. */
export interface BareOrder {
  readonly what: 'produce' | 'consume'
  readonly topic: string
  readonly records: number
  readonly batchRecords: number
}

export const ORIGIN: Origin = { vehicle: 'bench-truck', epoch: 'c0ffee00' }
const PAYLOAD_BYTES = 200

/** A snapshot of about 200 bytes. */
export function recordOf(seq: number): StoredRecord {
  const head = `{"seq":${seq},"speed":87.5,"coolant":91,"note":"`
  return {
    lane: 'telemetry',
    seq,
    prev: seq - 1,
    type: 'milepost.snapshot.v1',
    timeUs: 1_795_000_000_000_000 + seq * 10_000,
    monoUs: 1_000_000 + seq * 10_000,
    bootId: '6a2c6b8e-0f7f-4d52-9f59-3c3b2f0c1a11',
    clock: 'synced',
    contentType: 'application/json',
    payload: Buffer.from(`${head}${'.'.repeat(PAYLOAD_BYTES - head.length - 2)}"}`),
  }
}

/** The same records as messages of kafkajs: what both sides put into Kafka is the same. */
export function* messagesOf(records: number, batchRecords: number) {
  for (let first = 1; first <= records; first += batchRecords) {
    const count = Math.min(batchRecords, records - first + 1)
    yield Array.from({ length: count }, (_, n) =>
      messageOf(recordOf(first + n), ORIGIN, Date.now()),
    )
  }
}
