import { clientConfig, type KafkaConnection } from './client.ts'
import { internal, kafkajs } from './fence.ts'
import { Sockets } from './sockets.ts'

/** What we use of kafkajs's internal `Cluster`: plain requests, with no consumer group around them. */
export interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addTargetTopic(topic: string): Promise<void>
  refreshMetadata(): Promise<void>
  findTopicPartitionMetadata(topic: string): { partitionId: number; leader: number }[]
  findBroker(args: { nodeId: number }): Promise<{
    connectionPool: { send<T>(request: unknown): Promise<T> }
  }>
  fetchTopicsOffset(
    topics: {
      topic: string
      partitions: { partition: number }[]
      fromBeginning?: boolean
      fromTimestamp?: number
    }[],
  ): Promise<{ topic: string; partitions: { partition: number; offset: string }[] }[]>
}

const METADATA_MAX_AGE_MS = 300_000

/** A cluster and its sockets; connects nothing yet. Offsets and fetches are `read_committed`. */
export async function createCluster(
  connection: KafkaConnection,
): Promise<{ cluster: Cluster; sockets: Sockets }> {
  const sockets = new Sockets()
  const config = await clientConfig(connection, sockets)
  const { createLogger } = internal<{ createLogger(options: object): unknown }>('loggers')
  const { READ_COMMITTED } = internal<{ READ_COMMITTED: number }>('protocol/isolationLevel')
  const Cluster = internal<new (options: object) => Cluster>('cluster')
  const cluster = new Cluster({
    ...config,
    logger: createLogger({ level: kafkajs.logLevel.NOTHING, logCreator: config.logCreator }),
    enforceRequestTimeout: true,
    metadataMaxAge: METADATA_MAX_AGE_MS,
    allowAutoTopicCreation: false,
    isolationLevel: READ_COMMITTED,
  })
  return { cluster, sockets }
}
