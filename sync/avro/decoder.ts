import type { Type } from 'avsc'
import { SyncError } from '../errors.ts'
import { AVRO_TYPE, type RegistryConnection } from './config.ts'
import { Registry } from './registry.ts'
import { splitId } from './wire.ts'

/** A field that the writer left out comes back as the null that stands for it. */
interface RecordType extends Type {
  readonly fields?: readonly { name: string; type: Type; defaultValue(): unknown }[]
}

/** Reads payloads in Confluent's wire format back as the JSON that they were. */
export class AvroDecoder {
  readonly #registry: Registry
  readonly #types = new Map<number, Type>()

  constructor(connection: RegistryConnection) {
    this.#registry = new Registry(connection)
  }

  /** Whether a record's content type says that it is for us. */
  static isAvro(contentType: Uint8Array | null | undefined): boolean {
    return contentType != null && Buffer.from(contentType).toString('latin1') === AVRO_TYPE
  }

  /** Learns the schema that these bytes were written with. Rejects with `UPLINK_REGISTRY`. */
  async prepare(bytes: Buffer): Promise<void> {
    const { id } = split(bytes)
    if (!this.#types.has(id)) this.#types.set(id, await this.#registry.typeOf(id))
  }

  /** JSON text; `prepare` was called for these bytes, or others of the same schema. */
  toJson(bytes: Buffer): Buffer {
    const { id, body } = split(bytes)
    const type = this.#types.get(id)!
    const value = jsonOf(type, body)
    if (type.name === 'milepost.Json') return Buffer.from((value as { json: string }).json)
    return Buffer.from(JSON.stringify(value))
  }
}

/** What was written, as JSON has it: without the fields that the writer had left out. */
export function jsonOf(type: Type, body: Buffer): unknown {
  return plain(type, type.fromBuffer(body))
}

function split(bytes: Buffer): { id: number; body: Buffer } {
  const found = splitId(bytes)
  if (found) return found
  throw new SyncError('RECORD_INVALID', 'A payload says that it is Avro and has no schema id', {
    hint: 'Another program wrote it; leave the registry out to see its bytes as they are.',
  })
}

/** Leaves out what the writer had left out, all the way down. */
function plain(type: Type, value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value
  if (Buffer.isBuffer(value)) return value.toString('base64')
  if (Array.isArray(value)) {
    const { itemsType } = type as { itemsType?: Type }
    return itemsType ? value.map((item) => plain(itemsType, item)) : value
  }
  const { fields } = type as RecordType
  const { valuesType } = type as { valuesType?: Type }
  const entries = Object.entries(value).flatMap(([name, part]): [string, unknown][] => {
    const field = fields?.find((each) => each.name === name)
    if (field && part === null && field.defaultValue() === null) return []
    return [[name, plain(branchOf(field?.type ?? valuesType ?? type, part), part)]]
  })
  return Object.fromEntries(entries)
}

/** Of a union the type that a value is of: only records and maps inside of it need to be told. */
function branchOf(type: Type, value: unknown): Type {
  const { types } = type as { types?: readonly Type[] }
  return types?.find((each) => each.isValid(value)) ?? type
}
