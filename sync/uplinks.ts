import type { KafkaUplinkConfig } from './kafka/kafka-uplink.ts'
import type { MqttUplinkConfig } from './mqtt/mqtt-uplink.ts'
import type { UplinkLimits } from './throttle.ts'
import type { Uplink } from './uplink.ts'

/** The config of an uplink; `none` keeps everything in the outbox. */
export type UplinkConfig =
  | { kind: 'none' }
  | ((({ kind: 'kafka' } & KafkaUplinkConfig) | ({ kind: 'mqtt' } & MqttUplinkConfig)) & {
      readonly limits?: UplinkLimits
    })

/**
 * Makes an uplink of the kind in the config. A new kind is a folder, a member of `UplinkConfig` and a
 * case here; its client is only loaded when it is asked for.
 */
export async function makeUplink(config: Exclude<UplinkConfig, { kind: 'none' }>): Promise<Uplink> {
  switch (config.kind) {
    case 'kafka':
      return (await import('./kafka/kafka-uplink.ts')).createKafkaUplink(config)
    case 'mqtt':
      return (await import('./mqtt/mqtt-uplink.ts')).createMqttUplink(config)
  }
}

/** What a retry of this uplink may do. Over MQTT the relay at the depot drops what it has already. */
export function deliveryOf(config: UplinkConfig): 'exactly-once' | 'at-least-once' {
  return config.kind === 'kafka' && config.delivery === 'at-least-once'
    ? 'at-least-once'
    : 'exactly-once'
}
