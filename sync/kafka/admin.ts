import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin } from 'kafkajs'
import { attempt, bounded } from './bounded.ts'
import { createClient, type KafkaConnection } from './client.ts'
import { answerOf, syncErrorOf } from './failure.ts'

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
const LIST_RETRY_MS = 100
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
  const closed = new AbortController()
  const doing = `Creating topics at ${to.brokers.join(', ')}`
  try {
    await bounded(createMissing(admin, topics, closed.signal), LIMIT_MS, doing)
  } catch (error) {
    throw syncErrorOf(error, doing)
  } finally {
    closed.abort()
    await attempt(admin.disconnect(), DISCONNECT_TIMEOUT_MS)
    sockets.destroy()
  }
}

async function createMissing(
  admin: Admin,
  topics: readonly TopicSpec[],
  signal: AbortSignal,
): Promise<void> {
  await admin.connect()
  const existing = new Set(await listTopics(admin, signal))
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

/** Where another topic is just being deleted, the list has it and its answer is that it is unknown. */
async function listTopics(admin: Admin, signal: AbortSignal): Promise<string[]> {
  for (;;) {
    try {
      return await admin.listTopics()
    } catch (error) {
      if (answerOf(error) !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error
      await sleep(LIST_RETRY_MS, undefined, { signal })
    }
  }
}
