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
const ASK_AGAIN_MS = 100
const PASSING = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
])
/** A broker that has just started answers before it can place partitions. */
const RETRY = { retries: 8, initialRetryTime: 100, maxRetryTime: 2_000 }

/**
 * Makes the topics that do not exist yet and waits until the leader of each partition of all of them
 * answers. Topics that exist are left as they are, their configuration too. Rejects with a
 * `SyncError`.
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
  // A topic that is being deleted is still listed for a moment: then all of it again.
  await untilKnown(async () => {
    const existing = new Set(await admin.listTopics())
    const missing = topics.filter(({ topic }) => !existing.has(topic))
    if (missing.length > 0) await create(admin, missing)
    for (const { topic } of topics) await led(admin, topic)
  }, signal)
}

async function create(admin: Admin, missing: readonly TopicSpec[]): Promise<void> {
  // Two that start at once may both find a topic missing: the later answer is "exists", no error.
  await admin.createTopics({
    waitForLeaders: false,
    timeout: CREATE_TIMEOUT_MS,
    topics: missing.map(({ topic, partitions, config }) => ({
      topic,
      numPartitions: partitions,
      replicationFactor: -1,
      configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
    })),
  })
}

/**
 * A KRaft broker names itself leader in its metadata before it has made the partitions, one by one.
 * A plain producer that comes in between has some of a request kept and some refused, and sends all
 * of it again: seen with 38 of 40 new topics of 20 partitions. Only the leader itself knows its end.
 */
async function led(admin: Admin, topic: string): Promise<void> {
  await admin.fetchTopicOffsets(topic)
}

/**
 * A broker that is busy does not know yet of the topic that it was just told to make, or still of one
 * that is being deleted; kafkajs takes that for final.
 */
async function untilKnown<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!PASSING.has(answerOf(error) ?? '')) throw error
      await sleep(ASK_AGAIN_MS, undefined, { signal })
    }
  }
}
