import { z } from 'zod'
import type { PayloadConfig } from '../../sync/avro/config.ts'
import { RECORD_SCHEMAS } from '../record-schemas.ts'

const secret = z.union([z.strictObject({ file: z.string() }), z.strictObject({ env: z.string() })])

/** `uplink.payload`: how payloads are written into Kafka. JSON where there is none. */
export const payload = z.discriminatedUnion('format', [
  z.strictObject({ format: z.literal('json') }),
  z.strictObject({
    format: z.literal('avro'),
    registry: z.strictObject({
      /** Confluent's REST API, with the path where it does not begin at the root. */
      url: z
        .string()
        .regex(/^https?:\/\/[^\s@]+$/, 'expected http://host:port or https://host:port')
        .refine((url) => URL.canParse(url), 'expected http://host:port or https://host:port'),
      username: z.string().optional(),
      password: secret.optional(),
      tls: z.strictObject({ ca: z.string().optional() }).optional(),
      timeoutMs: z.number().int().min(100).max(60_000).default(10_000),
    }),
    subjects: z.enum(['record', 'topic-record']).default('record'),
    compatibility: z.enum(['NONE', 'BACKWARD', 'FORWARD', 'FULL']).default('BACKWARD'),
  }),
])

/** The uplink with the schemas of this release, where its payloads are Avro. */
export function withSchemas<T extends object>(uplink: T): T {
  const { payload: given } = uplink as { payload?: PayloadConfig }
  if (given?.format !== 'avro') return uplink
  return { ...uplink, payload: { ...given, schemas: RECORD_SCHEMAS } }
}
