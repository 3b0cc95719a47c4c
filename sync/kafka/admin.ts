import { Kafka, logLevel } from 'kafkajs'

/** A topic as it should be. */
export interface TopicSpec {
  readonly topic: string
  readonly partitions: number
  /** Kafka's topic configuration, by its own names. */
  readonly config: Readonly<Record<string, string>>
}

const REQUEST_TIMEOUT_MS = 30_000
/** A broker that has just started answers before it can place partitions. */
const RETRIES = 8

/**
 * Makes the topics that do not exist yet and waits for their leaders. Topics that exist are left as
 * they are, their configuration too.
 */
export async function createTopics(bootstrap: string, topics: readonly TopicSpec[]): Promise<void> {
  const admin = new Kafka({
    clientId: 'milepost-admin',
    brokers: bootstrap.split(','),
    logLevel: logLevel.NOTHING,
    requestTimeout: REQUEST_TIMEOUT_MS,
    retry: { retries: RETRIES, initialRetryTime: 100, maxRetryTime: 2_000 },
  }).admin()
  await admin.connect()
  try {
    const existing = new Set(await admin.listTopics())
    const missing = topics.filter(({ topic }) => !existing.has(topic))
    if (missing.length === 0) return
    // Two that start at once may both find a topic missing: the later answer is "exists", no error.
    await admin.createTopics({
      waitForLeaders: true,
      timeout: REQUEST_TIMEOUT_MS,
      topics: missing.map(({ topic, partitions, config }) => ({
        topic,
        numPartitions: partitions,
        replicationFactor: 1,
        configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
      })),
    })
  } finally {
    await admin.disconnect()
  }
}
