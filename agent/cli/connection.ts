import type { KafkaConnection } from '../../sync/kafka/client.ts'
import { loadConfig } from '../config/load.ts'
import { AgentError } from '../error.ts'

export const DEFAULT_BROKERS = 'localhost:9092'

interface ConnectionFlags {
  readonly brokers?: string
  readonly config?: string
}

/** Where `--brokers` and `--config` of a command say that Kafka is, and how to get in. */
export function connectionOf({ brokers, config }: ConnectionFlags): KafkaConnection {
  const list = brokers?.split(',').map((broker) => broker.trim())
  if (list?.some((broker) => !/:\d+$/.test(broker))) {
    throw new AgentError('USAGE', `--brokers does not understand "${brokers}"`, {
      hint: 'Write host:port, several with commas between them.',
    })
  }
  if (config === undefined) return { brokers: list ?? [DEFAULT_BROKERS] }
  const { uplink } = loadConfig(config)
  if (uplink.kind !== 'kafka') {
    throw new AgentError('USAGE', `${config} has no Kafka uplink`, {
      hint: 'Name the brokers with --brokers, or a config whose `uplink` is of kind kafka.',
    })
  }
  const { sasl, tls } = uplink
  return { brokers: list ?? uplink.brokers, sasl, tls }
}
