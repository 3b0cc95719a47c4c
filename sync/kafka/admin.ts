import type { Admin } from 'kafkajs'
import { attempt, bounded } from './bounded.ts'
import { createClient, type KafkaConnection } from './client.ts'
import { syncErrorOf } from './failure.ts'

/** A topic as it should be. */
export interface TopicSpec {
  readonly topic: string
  readonly partitions: number
  /** Kafka's topic configuration, by its own names. */
  readonly config: Readonly<Record<string, string>>
}

/** Placing some dozens of partitions and electing their leaders on a busy machine. */
const CREATE_TIMEOUT_MS = 30_000
/** All tries together, and the good-bye. */
const LIMIT_MS = 90_000
const DISCONNECT_TIMEOUT_MS = 1_000
/** A broker that has just started answers before it can place partitions. */
const RETRY = { retries: 8, initialRetryTime: 100, maxRetryTime: 2_000 }

/**
 * Makes the topics that do not exist yet and waits for their leaders. Topics that exist are left as
 * they are, their configuration too. Rejects with a `SyncError`.
 */
export async function createTopics(
  connection: KafkaConnection | string,
  topics: readonly TopicSpec[],
): Promise<void> {
  const to = typeof connection === 'string' ? { brokers: connection.split(',') } : connection
  const { kafka, sockets } = await createClient({ requestTimeoutMs: CREATE_TIMEOUT_MS, ...to })
  const admin = kafka.admin({ retry: RETRY })
  const doing = `Creating topics at ${to.brokers.join(', ')}`
  try {
    await bounded(createMissing(admin, topics), LIMIT_MS, doing)
  } catch (error) {
    throw syncErrorOf(error, doing)
  } finally {
    await attempt(admin.disconnect(), DISCONNECT_TIMEOUT_MS)
    sockets.destroy()
  }
}

async function createMissing(admin: Admin, topics: readonly TopicSpec[]): Promise<void> {
  await admin.connect()
  const existing = new Set(await admin.listTopics())
  const missing = topics.filter(({ topic }) => !existing.has(topic))
  if (missing.length === 0) return
  // Two that start at once may both find a topic missing: the later answer is "exists", no error.
  await admin.createTopics({
    waitForLeaders: true,
    timeout: CREATE_TIMEOUT_MS,
    topics: missing.map(({ topic, partitions, config }) => ({
      topic,
      numPartitions: partitions,
      replicationFactor: -1,
      configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
    })),
  })
}
