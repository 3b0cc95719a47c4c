import { z } from 'zod'
import { REFUSED, ReadingBatch } from '../reading.ts'
import type { SensorContext } from '../sensor.ts'

/** How one value of the source becomes a reading: `value * scale + offset`. */
const fieldSchema = z.strictObject({
  /** Name of the reading; left out: prefix and key. */
  name: z.string().min(1).optional(),
  unit: z.string().default(''),
  scale: z
    .number()
    .refine((scale) => scale !== 0, 'expected a scale other than 0')
    .default(1),
  offset: z.number().default(0),
  /** Numbers for words: `{ open: 1, closed: 0 }`. */
  values: z.record(z.string(), z.number()).optional(),
})

export type FieldConfig = z.infer<typeof fieldSchema>

/** The part of a config that says what the values of a source are called. */
export const fieldsSchema = {
  /** By key of the source (`temp`, `imu.x`). */
  fields: z.record(z.string(), fieldSchema).default({}),
  /** Put before the key of what is not in `fields`. */
  prefix: z.string().default(''),
  /** What happens to keys that are not in `fields`. */
  others: z.enum(['take', 'ignore']).default('take'),
}

export interface FieldsConfig {
  readonly fields: Readonly<Record<string, FieldConfig>>
  readonly prefix: string
  readonly others: 'take' | 'ignore'
  /** Unit of what is not in `fields`. */
  readonly unit?: string
}

/** A value as the source has it. */
export type RawValue = string | number | boolean

/**
 * Names that one sensor may add: a broken device that makes up a new key with each line would fill the
 * memory otherwise.
 */
export const MAX_NAMES = 512
/** Longest key that is taken. */
const MAX_KEY_CHARS = 128
/** Decimal and nothing else: `Number` alone takes '' for 0 and '0x1F' for 31. */
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/** The names that one sensor has added, over all its runs and topics. */
export class AddedNames {
  readonly #names = new Set<string>()

  /** False for a new name beyond `MAX_NAMES`. */
  admit(name: string): boolean {
    if (this.#names.has(name)) return true
    if (this.#names.size >= MAX_NAMES) return false
    this.#names.add(name)
    return true
  }
}

/** Turns named values of one sensor into readings; a batch for each line or message. */
export class FieldReader {
  readonly #context: SensorContext
  readonly #config: FieldsConfig
  /** The sensor's own, for the catalog outlives this reader. */
  readonly #added: AddedNames
  readonly #signals = new Map<string, number>()
  readonly #batch = new ReadingBatch(1024)

  constructor(config: FieldsConfig, context: SensorContext, added: AddedNames) {
    this.#config = config
    this.#added = added
    this.#context = context
  }

  /**
   * Adds a reading to the batch. False where it is none though it should be: a configured key whose
   * value is no number, or a new name that the sensor or the catalog has no room for. Words under keys that nobody configured are
   * passed over.
   */
  take(key: string, raw: RawValue, timeUs: number): boolean {
    const { fields, others } = this.#config
    const field = Object.hasOwn(fields, key) ? fields[key] : undefined
    if (!field && others === 'ignore') return true
    const value = numberOf(raw, field?.values)
    if (value === undefined) return field === undefined && typeof raw === 'string'
    const scaled = field ? value * field.scale + field.offset : value
    if (!Number.isFinite(scaled)) return false
    const signal = this.#signalOf(key, field)
    if (signal === undefined) return false
    if (this.#batch.count === this.#batch.capacity) this.flush()
    this.#batch.push(signal, scaled, timeUs)
    return true
  }

  /** Hands over what was taken. */
  flush(): void {
    if (this.#batch.count > 0) this.#context.readings(this.#batch)
    this.#batch.count = 0
  }

  #signalOf(key: string, field: FieldConfig | undefined): number | undefined {
    const known = this.#signals.get(key)
    if (known !== undefined) return known
    if (key.length > MAX_KEY_CHARS || key === '') return undefined
    const name = field?.name ?? this.#config.prefix + key
    // What the config names is bounded by the config, and not to be crowded out.
    if (!field && !this.#added.admit(name)) return undefined
    const signal = this.#context.catalog.intern(name, field ? field.unit : this.#config.unit)
    if (signal === REFUSED) return undefined
    this.#signals.set(key, signal.index)
    return signal.index
  }
}

function numberOf(
  raw: RawValue,
  values: Readonly<Record<string, number>> | undefined,
): number | undefined {
  const word = String(raw)
  if (values && Object.hasOwn(values, word)) return values[word]
  if (typeof raw === 'number') return raw
  if (typeof raw === 'boolean') return raw ? 1 : 0
  const trimmed = raw.trim()
  return DECIMAL.test(trimmed) ? Number(trimmed) : undefined
}
