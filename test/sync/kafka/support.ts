import type { Admin, Producer, ProducerConfig } from 'kafkajs'
import { createClient } from '../../../sync/kafka/client.ts'
import {
  type HistoryOptions,
  type HistoryRecord,
  readHistory,
} from '../../../sync/kafka/history.ts'
import type { KafkaUplinkConfig } from '../../../sync/kafka/kafka-uplink.ts'
import { LANES, type Lane, type Origin, type StoredRecord } from '../../../sync/record.ts'
import type { SharedCentral } from '../../support/central.ts'
import { until } from '../../support/until.ts'

/** Records numbered from 1, each lane a chain, as an outbox would give them out. */
export class Records {
  #seq = 0
  readonly #prev = new Map<Lane, number>()

  next(lane: Lane, overrides: Partial<StoredRecord> = {}): StoredRecord {
    const seq = ++this.#seq
    const prev = this.#prev.get(lane) ?? 0
    this.#prev.set(lane, seq)
    return {
      lane,
      seq,
      prev,
      type: 'milepost.snapshot.v1',
      timeUs: Date.now() * 1000 + 123,
      monoUs: 1_000_000 + seq,
      bootId: '6a2c6b8e',
      clock: 'synced',
      contentType: 'application/json',
      payload: Buffer.from(JSON.stringify({ seq, lane })),
      ...overrides,
    }
  }

  take(
    count: number,
    lane: Lane = 'telemetry',
    overrides: Partial<StoredRecord> = {},
  ): StoredRecord[] {
    return Array.from({ length: count }, () => this.next(lane, overrides))
  }
}

/** The lane of a `seq` in tests that mix them: mostly telemetry, some events, few critical. */
export function laneOf(seq: number): Lane {
  return seq % 50 === 0 ? LANES[0] : seq % 10 === 0 ? LANES[1] : LANES[2]
}

export interface Fleet {
  readonly origin: Origin
  readonly config: KafkaUplinkConfig & { topics: Record<Lane, string>; checkpointTopic: string }
}

/** Topics of its own for a test, and a vehicle. */
export async function makeFleet(
  central: SharedCentral,
  { partitions = 3, config = {} }: { partitions?: number; config?: Record<string, string> } = {},
): Promise<Fleet> {
  const topics = {
    critical: central.unique('critical'),
    events: central.unique('events'),
    telemetry: central.unique('telemetry'),
  }
  const checkpointTopic = central.unique('checkpoints')
  await central.createTopics([
    ...Object.values(topics).map((topic) => ({ topic, partitions, config })),
    { topic: checkpointTopic, partitions: LANES.length, config: {} },
  ])
  return {
    origin: { vehicle: central.unique('truck'), epoch: 'epoch-1' },
    config: { brokers: [central.bootstrap], topics, checkpointTopic },
  }
}

/** What an operator does to a cluster. */
export async function asAdmin(
  { bootstrap }: SharedCentral,
  work: (admin: Admin) => Promise<unknown>,
): Promise<void> {
  const { kafka, sockets } = await createClient({ brokers: [bootstrap] })
  const admin = kafka.admin()
  await admin.connect()
  try {
    await work(admin)
  } finally {
    await admin.disconnect()
    sockets.destroy()
  }
}

/** Gives topics more partitions; resolves once the broker tells of them, and each has a leader. */
export async function addPartitions(
  central: SharedCentral,
  topics: readonly string[],
  count: number,
): Promise<void> {
  await asAdmin(central, async (admin) => {
    await admin.createPartitions({ topicPartitions: topics.map((topic) => ({ topic, count })) })
    for (const topic of topics) {
      await until(`${count} partitions of ${topic}`, async () => {
        const offsets = await admin.fetchTopicOffsets(topic).catch(() => [])
        return offsets.length === count
      })
    }
  })
}

/** CONCURRENT_TRANSACTIONS, or a leader that is not there yet: kafkajs would give up after 300 ms. */
const PATIENT = { initialRetryTime: 5, maxRetryTime: 200, factor: 0, multiplier: 1.5, retries: 300 }

/**
 * Writes as no uplink of ours would. Idempotent: what is sent again, because an answer was late or
 * one partition of many was not ready, is there once, however slow the machine.
 */
export async function produce(
  bootstrap: string,
  work: (producer: Producer) => Promise<unknown>,
  options: Pick<
    ProducerConfig,
    'transactionalId' | 'transactionTimeout' | 'createPartitioner'
  > = {},
): Promise<void> {
  const { kafka, sockets } = await createClient({ brokers: [bootstrap] })
  const how = { idempotent: true, maxInFlightRequests: 1, retry: PATIENT }
  const producer = kafka.producer({ ...how, ...options })
  await producer.connect()
  try {
    await work(producer)
  } finally {
    await producer.disconnect()
    sockets.destroy()
  }
}

/** Everything that `readHistory` gives, record by record. */
export async function readAll(options: HistoryOptions): Promise<HistoryRecord[]> {
  const records: HistoryRecord[] = []
  for await (const batch of readHistory(options)) records.push(...batch)
  return records
}

export function values(records: readonly HistoryRecord[]): string[] {
  return records.map(({ value }) => String(value))
}
