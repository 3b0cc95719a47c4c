import type { Type } from 'avsc'
import type { Lane, StoredRecord } from '../record.ts'
import type { Complaint } from '../status.ts'
import { AVRO_TYPE, type AvroPayloadConfig, type AvroSchemaJson } from './config.ts'
import { Registry } from './registry.ts'
import { typeOf } from './type.ts'
import { withId } from './wire.ts'

/** JSON as it is, for content that no schema describes. */
const ENVELOPE: AvroSchemaJson = {
  type: 'record',
  name: 'Json',
  namespace: 'milepost',
  doc: 'Content without a schema of its own, as JSON.',
  fields: [{ name: 'json', type: 'string' }],
}

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\b/i

interface Form {
  readonly schema: AvroSchemaJson
  readonly type: Type
}

/** One registry for all uplinks of a process: an uplink lives only as long as its connection. */
const registries = new Map<string, Registry>()

/**
 * Writes JSON payloads as Avro, in Confluent's wire format. The outbox keeps JSON: ids come from a
 * registry that is only there when the network is.
 *
 * A record with content that its schema does not describe, to the last field, goes out in the schema
 * `milepost.Json`, whole: none is lost, none is cut, and none holds up those behind it.
 */
export class AvroEncoder {
  readonly #config: AvroPayloadConfig
  readonly #registry: Registry
  readonly #forms = new Map<string, Form>()
  readonly #envelope: Form
  readonly #ids = new Map<string, number>()
  #misfits = 0
  #lastMisfit = ''

  constructor(config: AvroPayloadConfig) {
    this.#config = config
    const key = JSON.stringify(config.registry)
    const known = registries.get(key) ?? new Registry(config.registry)
    registries.set(key, known)
    this.#registry = known
    for (const [type, schema] of Object.entries(config.schemas ?? {})) {
      this.#forms.set(type, formOf(schema))
    }
    this.#envelope = formOf(ENVELOPE)
  }

  /** What is not as it should be, though records go out. */
  get warning(): Complaint | undefined {
    if (this.#misfits === 0) return undefined
    return {
      code: 'UPLINK_SCHEMA',
      message: `${this.#misfits} records did not fit the schema of their type and went out as milepost.Json; the last: ${this.#lastMisfit}`,
      hint: 'Nothing is lost. Their sender is of a newer release than the schemas here: bring this one up to date.',
    }
  }

  /**
   * Learns the ids for what `encode` is given next: one question to the registry for each type that
   * was not sent before. Rejects with `UPLINK_REGISTRY` or `UPLINK_SCHEMA`.
   */
  async prepare(records: Iterable<StoredRecord>, topicOf: (lane: Lane) => string): Promise<void> {
    const wanted = new Map<string, { form: Form; topic: string }>()
    for (const { type, lane, contentType } of records) {
      if (!JSON_TYPE.test(contentType)) continue
      const topic = topicOf(lane)
      // A record may turn out not to fit: the envelope is always there.
      for (const form of [this.#forms.get(type) ?? this.#envelope, this.#envelope]) {
        const key = idKey(form, topic)
        if (!this.#ids.has(key)) wanted.set(key, { form, topic })
      }
    }
    for (const [key, { form, topic }] of wanted) {
      const name = `${form.type.name}`
      const subject = this.#config.subjects === 'topic-record' ? `${topic}-${name}` : name
      const compatibility = this.#config.compatibility ?? 'BACKWARD'
      this.#ids.set(key, await this.#registry.idOf(subject, form.schema, compatibility))
    }
  }

  /** The record with its payload in Avro. What is no JSON stays as it is. */
  encode(record: StoredRecord, topic: string): StoredRecord {
    if (!JSON_TYPE.test(record.contentType)) return record
    const text = Buffer.from(record.payload).toString('utf8')
    const content = parsed(text)
    const form = this.#forms.get(record.type)
    const fits = form && content !== undefined && this.#fits(form, content, record)
    const [used, value] = fits ? [form, content] : [this.#envelope, { json: text }]
    const id = this.#ids.get(idKey(used, topic))!
    const payload = withId(id, used.type.toBuffer(value))
    return { ...record, contentType: AVRO_TYPE, payload }
  }

  #fits({ type }: Form, content: unknown, { lane, seq, type: name }: StoredRecord): boolean {
    let where = ''
    const errorHook = (path: string[]) => {
      where ||= path.join('.')
    }
    // A field that the schema does not know would be left out without a word.
    if (type.isValid(content, { noUndeclaredFields: true, errorHook })) return true
    this.#misfits++
    this.#lastMisfit = `${name}, record ${seq} of lane ${lane}, at "${where}"`
    return false
  }
}

const idKey = ({ type }: Form, topic: string): string => `${type.name}\n${topic}`

function formOf(schema: AvroSchemaJson): Form {
  return { schema, type: typeOf(schema) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
