import { Agent } from 'node:https'
import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import type { Type } from 'avsc'
import { SyncError } from '../errors.ts'
import { bounded } from '../kafka/bounded.ts'
import { readSecret, readText } from '../secret.ts'
import type { AvroSchemaJson, RegistryConnection } from './config.ts'

const DEFAULT_TIMEOUT_MS = 10_000
/** The caller tries again, and can be told; the library's own patience is short. */
const RETRY = { retries: 1, maxRetryTimeInSecs: 1, initialRetryTimeInSecs: 0.2 }

/** Schemas by id and ids by schema, from a registry; what was answered once is not asked again. */
export class Registry {
  readonly #connection: RegistryConnection
  readonly #ids = new Map<string, number>()
  readonly #types = new Map<number, Type>()
  #client: SchemaRegistry | undefined

  constructor(connection: RegistryConnection) {
    this.#connection = connection
  }

  /**
   * The id of a schema under a subject; where the registry does not know it, it is registered.
   * Rejects with `UPLINK_REGISTRY` where the registry is not to be had, `UPLINK_SCHEMA` where it
   * refuses the schema.
   */
  async idOf(subject: string, schema: AvroSchemaJson, compatibility: string): Promise<number> {
    const key = `${subject}\n${JSON.stringify(schema)}`
    const known = this.#ids.get(key)
    if (known !== undefined) return known
    const doing = `Registering ${subject}`
    const { id } = await this.#ask(doing, (client) =>
      client.register(schema as never, {
        subject,
        compatibility: COMPATIBILITY[compatibility as keyof typeof COMPATIBILITY],
      }),
    )
    this.#ids.set(key, id)
    return id
  }

  /** The schema that has this id. Rejects with `UPLINK_REGISTRY`. */
  async typeOf(id: number): Promise<Type> {
    const known = this.#types.get(id)
    if (known) return known
    const schema = await this.#ask(`Looking for schema ${id}`, (client) => client.getSchema(id))
    this.#types.set(id, schema as never)
    return schema as never
  }

  async #ask<T>(doing: string, call: (client: SchemaRegistry) => Promise<T>): Promise<T> {
    const { url, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#connection
    const what = `${doing} at ${new URL(url).host}`
    try {
      this.#client ??= await connect(this.#connection)
      return await bounded(call(this.#client), timeoutMs, what)
    } catch (error) {
      throw registryFailure(error, what)
    }
  }
}

async function connect(connection: RegistryConnection): Promise<SchemaRegistry> {
  const { url, username, password, tls } = connection
  const ca = tls?.ca && (await readText(tls.ca, 'UPLINK_REGISTRY'))
  const client = {
    host: url.replace(/\/+$/, ''),
    clientId: 'milepost',
    retry: RETRY,
    ...(username !== undefined && {
      auth: { username, password: password ? await readSecret(password, 'UPLINK_REGISTRY') : '' },
    }),
    ...(ca && { agent: new Agent({ ca }) }),
  }
  // Unions come back as plain values, whoever wrote the schema.
  return new SchemaRegistry(client, { [SchemaType.AVRO]: { wrapUnions: 'never' } } as never)
}

/** Answers of the registry that speak of the schema and not of the way to it (HTTP status). */
const REFUSALS: ReadonlySet<number> = new Set([409, 422])
const DENIALS: ReadonlySet<number> = new Set([401, 403])

function registryFailure(error: unknown, doing: string): SyncError {
  const { status, name, message, code } = error as Partial<Record<string, unknown>>
  if (code === 'UPLINK_REGISTRY') return error as SyncError
  const said = `${doing}: ${message || name || 'no answer'}`
  if (REFUSALS.has(status as number) || name === 'ConfluentSchemaRegistryCompatibilityError') {
    return new SyncError('UPLINK_SCHEMA', said, {
      cause: error,
      hint: 'The registry has another schema or another compatibility under this subject. Compare its versions there with those of this release, set payload.compatibility to what the subject has, or use other subjects (payload.subjects). What is in the outbox is kept meanwhile.',
    })
  }
  const hint = DENIALS.has(status as number)
    ? 'Check user and secret of the registry (uplink.payload.registry).'
    : 'Check uplink.payload.registry.url and that the registry runs; what is in the outbox is kept meanwhile.'
  return new SyncError('UPLINK_REGISTRY', said, { cause: error, hint })
}
