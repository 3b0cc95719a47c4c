import { z } from 'zod'
import { fieldsSchema } from '../lines/fields.ts'
import { secretSource, tlsFiles } from './broker.ts'
import { isTopicFilter, unfilled } from './topic.ts'

const SCHEMES = new Set(['mqtt:', 'mqtts:', 'ws:', 'wss:'])

function isBroker(url: string): boolean {
  if (/\s/.test(url) || !URL.canParse(url)) return false
  const { protocol, hostname } = new URL(url)
  return SCHEMES.has(protocol) && hostname !== ''
}

function hasLogin(url: string): boolean {
  const { username, password } = new URL(url)
  return username !== '' || password !== ''
}

const topic = z
  .strictObject({
    /** Filter with the wildcards `+` and `#`. */
    topic: z.string().refine(isTopicFilter, 'expected a topic filter such as depot/+/tank/#'),
    /** What a value is called: `{1}`, `{2}` … for each `+`, `{#}` for the rest, `{topic}` for all. */
    name: z.string().default('{topic}'),
    /** `auto`: JSON where it is JSON, else a plain value. */
    payload: z.enum(['auto', 'json', 'value']).default('auto'),
    /** Unit of what is not in `fields`. */
    unit: z.string().default(''),
    qos: z.literal([0, 1]).default(0),
    /** Retained messages: `ignore`, for nobody knows how old they are, or `take`, as if they were new. */
    retained: z.enum(['ignore', 'take']).default('ignore'),
    ...fieldsSchema,
  })
  .superRefine(({ topic, name }, context) => {
    for (const key of unfilled(topic, name)) {
      context.addIssue({
        code: 'custom',
        path: ['name'],
        message: `"${topic}" has nothing for {${key}}`,
      })
    }
  })

/** The keys of an MQTT sensor. */
export const mqttConfig = z
  .strictObject({
    /** `mqtt://host:1883`, or `mqtts://host:8883` for TLS. */
    url: z
      .string()
      .refine(isBroker, 'expected mqtt://host:port or mqtts://host:port')
      .refine(
        (url) => !isBroker(url) || !hasLogin(url),
        'a url is shown in logs and in status: give the login as username and password: { file: … } or { env: … }',
      ),
    version: z.enum(['5', '3.1.1']).default('5'),
    /** Left out: a new one for each connection. */
    clientId: z.string().min(1).max(65_535).optional(),
    username: z.string().optional(),
    password: secretSource.optional(),
    tls: tlsFiles.optional(),
    topics: z.array(topic).min(1).max(256),
    keepAliveSec: z.number().int().min(1).max(3600).default(30),
    connectTimeoutMs: z.number().int().min(100).max(120_000).default(10_000),
    /** Larger payloads are left out and counted. */
    maxPayloadBytes: z.number().int().min(1).max(1_048_576).default(65_536),
  })
  .refine(({ password, username }) => !password || username !== undefined, {
    path: ['username'],
    message: 'a password needs a username',
  })
  .refine(({ tls, url }) => !tls || /^(mqtts|wss):/.test(url), {
    path: ['tls'],
    message: 'TLS needs a url that begins with mqtts:// or wss://',
  })

export type MqttConfig = z.infer<typeof mqttConfig>
export type TopicConfig = MqttConfig['topics'][number]
