import { z } from 'zod'
import { secretSource, tlsFiles } from '../../sensors/mqtt/broker.ts'

/** How to reach an MQTT broker. */
export const mqttBroker = {
  url: z
    .string()
    .regex(/^mqtts?:\/\/[^\s/@]+$/, 'expected mqtt://host:port or mqtts://host:port')
    .refine((url) => URL.canParse(url), 'expected mqtt://host:port or mqtts://host:port'),
  username: z.string().optional(),
  password: secretSource.optional(),
  tls: tlsFiles.optional(),
  /** First levels of all topics; vehicles and relay have the same. */
  prefix: z
    .string()
    .regex(/^[^+#\0$/]+(\/[^+#\0/]+)*$/, 'expected topic levels without wildcards')
    .default('milepost'),
  keepAliveSec: z.number().int().min(1).max(3600).default(30),
}

/** `uplink.kind: mqtt`: to a depot that relays. */
export const mqttUplink = z.strictObject({
  kind: z.literal('mqtt'),
  ...mqttBroker,
  maxInflight: z.number().int().min(1).max(10_000).default(100),
})

/** `relay`: this agent takes other vehicles' records from a broker and forwards them to its `uplink`. */
export const relay = z.strictObject({
  broker: z.strictObject(mqttBroker),
  maxMiB: z.number().min(16).default(1024),
  maxVehicles: z.number().int().min(1).max(1_000_000).default(100_000),
  maxEpochsPerVehicle: z.number().int().min(1).max(1000).default(8),
  /** How long a message waits for others that are committed with it. */
  groupCommitMs: z.number().int().min(0).max(10_000).default(100),
  maxRecordBytes: z.number().int().min(1024).max(10_000_000).default(900_000),
})
