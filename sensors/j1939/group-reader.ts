import { type BitField, rawField } from '../diagnostics/bit-field.ts'
import { IDENTIFICATION_EVENT, plainText } from '../diagnostics/identification.ts'
import { ReadingBatch } from '../reading.ts'
import type { SensorContext } from '../sensor.ts'
import type { J1939Config } from './config.ts'
import { GROUPS, type Group } from './groups.ts'
import { type Meaning, meaningOf } from './patterns.ts'

/** What to do with one group of one source. */
interface Reader {
  readonly fields: readonly BitField[]
  readonly signals: readonly number[]
  readonly text: string | undefined
}

/** Turns parameter groups into readings; what is no value is counted, not delivered. */
export class GroupReader {
  /** Fields by what they said of themselves instead of a value. */
  readonly marked: Record<Exclude<Meaning, 'value'>, number> = {
    reserved: 0,
    error: 0,
    'not available': 0,
  }
  readonly #context: SensorContext
  readonly #config: J1939Config
  readonly #readers = new Map<number, Reader | undefined>()
  readonly #texts = new Map<string, string>()
  readonly #batch = new ReadingBatch(256)

  constructor(context: SensorContext, config: J1939Config) {
    this.#context = context
    this.#config = config
  }

  /** Groups that are read at all. */
  get pgns(): number[] {
    const own = this.#config.groups.map(({ pgn }) => pgn)
    return [...new Set([...own, ...(this.#config.builtin ? GROUPS.map(({ pgn }) => pgn) : [])])]
  }

  read(pgn: number, source: number, data: Uint8Array, timeUs: number): void {
    const reader = this.#readerOf(pgn, source)
    if (!reader) return
    this.#batch.count = 0
    reader.fields.forEach((field, i) => {
      const raw = rawField(data, field)
      if (raw === undefined) {
        this.#context.dropped('parse_error', 1)
        return
      }
      const meaning = field.signed ? 'value' : meaningOf(raw, field.bits)
      if (meaning !== 'value') this.marked[meaning]++
      else this.#batch.push(reader.signals[i], raw * field.factor + field.offset, timeUs)
    })
    if (this.#batch.count > 0) this.#context.readings(this.#batch)
    if (reader.text !== undefined) this.#tellText(reader.text, source, data)
  }

  /** Looked up once for each group and source: at most 2^18 times 254, in truth what the bus has. */
  #readerOf(pgn: number, source: number): Reader | undefined {
    const key = pgn * 256 + source
    if (this.#readers.has(key)) return this.#readers.get(key)
    const reader = this.#make(pgn, source)
    this.#readers.set(key, reader)
    return reader
  }

  #make(pgn: number, source: number): Reader | undefined {
    const { groups, builtin, sources } = this.#config
    if (sources && !sources.includes(source)) return undefined
    const given =
      groups.find((group) => group.pgn === pgn && group.source === source) ??
      groups.find((group) => group.pgn === pgn && group.source === undefined)
    const known: Group | undefined = builtin ? GROUPS.find((g) => g.pgn === pgn) : undefined
    if (!given && !known) return undefined
    const fields = given?.fields ?? known?.fields ?? []
    // A name of the config stands as it is, unless several sources would share it.
    const at = `J1939.${hexByte(source)}`
    const nameOf = (field: BitField): string => {
      if (!given) return `${at}.${known?.name}.${field.name}`
      return given.source === undefined ? `${at}.${field.name}` : field.name
    }
    const signals = fields.map((f) => this.#context.catalog.intern(nameOf(f), f.unit).index)
    return { fields, signals, text: given ? undefined : known?.text }
  }

  #tellText(name: string, source: number, data: Uint8Array): void {
    const items = plainText(data.map((byte) => (byte === 0xff ? 0 : byte)))
      .split('*')
      .map((item) => item.trim())
      .filter((item) => item !== '')
    const ecu = hexByte(source)
    const text = items.join(' * ')
    if (text === '' || this.#texts.get(`${ecu} ${name}`) === text) return
    this.#texts.set(`${ecu} ${name}`, text)
    this.#context.event(IDENTIFICATION_EVENT, { ecu, [name]: text })
  }
}

export function hexByte(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0')
}
