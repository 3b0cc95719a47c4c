import type { RegistryConnection } from '../../sync/avro/config.ts'
import type { KafkaConnection } from '../../sync/kafka/client.ts'
import { loadConfig } from '../config/load.ts'
import { AgentError } from '../error.ts'

export const DEFAULT_BROKERS = 'localhost:9092'

interface ConnectionFlags {
  readonly brokers?: string
  readonly config?: string
  readonly registry?: string
}

/** Where `--brokers` and `--config` of a command say that Kafka is, and how to get in. */
export function connectionOf(
  flags: ConnectionFlags,
): KafkaConnection & { registry?: RegistryConnection } {
  const { brokers, config } = flags
  const named = flags.registry === undefined ? undefined : registryOf(flags.registry)
  const list = brokers?.split(',').map((broker) => broker.trim())
  if (list?.some((broker) => !/:\d+$/.test(broker))) {
    throw new AgentError('USAGE', `--brokers does not understand "${brokers}"`, {
      hint: 'Write host:port, several with commas between them.',
    })
  }
  if (config === undefined) return { brokers: list ?? [DEFAULT_BROKERS], registry: named }
  const { uplink } = loadConfig(config)
  if (uplink.kind !== 'kafka') {
    throw new AgentError('USAGE', `${config} has no Kafka uplink`, {
      hint: 'Name the brokers with --brokers, or a config whose `uplink` is of kind kafka.',
    })
  }
  const { sasl, tls, payload } = uplink
  const registry = named ?? (payload?.format === 'avro' ? payload.registry : undefined)
  return { brokers: list ?? uplink.brokers, sasl, tls, registry }
}

/** User and password of a registry belong into a config, not on a command line. */
function registryOf(url: string): RegistryConnection {
  if (/^https?:\/\//.test(url) && URL.canParse(url)) return { url }
  throw new AgentError('USAGE', `--registry does not understand "${url}"`, {
    hint: 'Write http://host:8081, with the path where its API does not begin at the root.',
  })
}
