import type { Secret } from '../secret.ts'

/** How to reach a schema registry that speaks Confluent's REST API. */
export interface RegistryConnection {
  /** `http://host:8081`, with the path where the API does not begin at the root. */
  readonly url: string
  readonly username?: string
  readonly password?: Secret
  /** File in PEM, for `https://`; without it the system's authorities are trusted. */
  readonly tls?: { readonly ca?: string }
  /** Longest time for one answer. */
  readonly timeoutMs?: number
}

/** A schema of Avro 1.11 as JSON. */
export type AvroSchemaJson = { readonly type: 'record'; readonly name: string } & Readonly<
  Record<string, unknown>
>

/** How an uplink writes payloads. Without one they go out as they are: JSON. */
export interface AvroPayloadConfig {
  readonly format: 'avro'
  readonly registry: RegistryConnection
  /**
   * How subjects are called: by the full name of the schema (Confluent's RecordNameStrategy, the
   * default), or by topic and name (TopicRecordNameStrategy).
   */
  readonly subjects?: 'record' | 'topic-record'
  /** Set where a subject is new; that of one that exists has to be the same. Default BACKWARD. */
  readonly compatibility?: 'NONE' | 'BACKWARD' | 'FORWARD' | 'FULL'
  /** For each CloudEvents type the schema of its content. Handed in: this room knows no types. */
  readonly schemas?: Readonly<Record<string, AvroSchemaJson>>
}

/** How payloads are written; JSON is what they are in the outbox. */
export type PayloadConfig = { readonly format: 'json' } | AvroPayloadConfig

/** Media type of a payload in Confluent's wire format. */
export const AVRO_TYPE = 'application/vnd.confluent.avro'
