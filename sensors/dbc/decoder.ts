import { FRAME_ERR, FRAME_EXT, FRAME_RTR, type FrameBatch } from '../frame.ts'
import { REFUSED, type ReadingBatch, type SignalCatalog } from '../reading.ts'
import { bytesForAll, compile, type Emitter, generate } from './codegen.ts'
import type { DbcMessage } from './database.ts'
import type { DatabaseSet } from './database-set.ts'
import { numberExpression, scaledNumber } from './expression.ts'
import { guardedStore } from './no-value.ts'

export interface DecoderOptions {
  /** Gives a signal another name and unit in the catalog (`Vehicle.Speed`); undefined keeps them. */
  names?(message: string, signal: string, unit: string): SignalName | undefined
  /**
   * `drop`: what is no value (J1939's "not available" and "error", and numbers outside the range that
   * the file states) becomes no reading and is counted. Default: everything is a reading.
   */
  noValues?(bus: number): 'drop' | 'keep'
}

/** Another name of a signal; a value in its own unit becomes `value * factor + offset` in `unit`. */
export interface SignalName {
  readonly name: string
  readonly unit?: string
  readonly factor?: number
  readonly offset?: number
}

/** Appends the readings of frame `i`; returns how many signals the frame was too short for. */
type Read = (frames: FrameBatch, i: number, out: ReadingBatch, marks: Float64Array) => number

/** What a bus does with one identifier; compiled when the first such frame comes. */
interface Entry {
  readonly message: DbcMessage
  /** Catalog index of each signal. */
  readonly signals: readonly number[]
  /** Names that the config gave them. */
  readonly given: readonly (SignalName | undefined)[]
  readonly dropNoValues: boolean
  read: Read | undefined
}

/**
 * Turns frames into readings: the hot path. One frame costs a look-up and straight-line code, and
 * allocates nothing. Values are doubles; an integer beyond 2^53 is rounded to the nearest one
 * (`decodeMessage` is the exact way).
 */
export class Decoder {
  /** Frames whose identifier no file of their bus describes. */
  unknown = 0
  /** Frames too short for at least one of their signals; what they do hold is read. */
  short = 0
  /** Error and remote frames. */
  skipped = 0
  /** Frames that were decoded. */
  decoded = 0
  /** Signals by what they were instead of a value, at the places named in `no-value.ts`. */
  readonly marks = new Float64Array(3)

  readonly #catalog: SignalCatalog
  readonly #options: DecoderOptions
  readonly #buses: readonly (Bus | undefined)[]

  /** `databases[bus]` are the files of that bus. All their signals enter the catalog now. */
  constructor(
    databases: readonly (DatabaseSet | undefined)[],
    catalog: SignalCatalog,
    options: DecoderOptions = {},
  ) {
    this.#catalog = catalog
    this.#options = options
    const entries = new Map<DbcMessage, Entry>()
    databases.forEach((set, bus) => {
      const drop = options.noValues?.(bus) === 'drop'
      for (const message of set?.messages ?? []) {
        if (!entries.has(message)) entries.set(message, this.#entry(message, drop))
      }
    })
    this.#buses = databases.map((set) => set && new Bus(set, entries))
  }

  /**
   * Decodes the frames into `out`. When a frame's readings might not fit, `full` is called, takes
   * the batch, and it is emptied. Readings may remain in `out` afterwards.
   */
  decode(frames: FrameBatch, out: ReadingBatch, full: (out: ReadingBatch) => void): void {
    const { count, flags, bus, id } = frames
    const buses = this.#buses
    for (let i = 0; i < count; i++) {
      const flag = flags[i]
      if ((flag & (FRAME_ERR | FRAME_RTR)) !== 0) {
        this.skipped++
        continue
      }
      const at = bus[i]
      const known = at < buses.length ? buses[at] : undefined
      const entry = known?.find(id[i], (flag & FRAME_EXT) !== 0)
      if (entry === undefined) {
        this.unknown++
        continue
      }
      const most = entry.signals.length
      if (out.count + most > out.capacity) {
        if (most > out.capacity) throw new RangeError(tooSmall(entry.message, out.capacity))
        full(out)
        out.count = 0
      }
      const read = (entry.read ??= compileRead(entry))
      if (read(frames, i, out, this.marks) > 0) this.short++
      this.decoded++
    }
  }

  #entry(message: DbcMessage, dropNoValues: boolean): Entry {
    const given = message.signals.map(({ name, unit }) =>
      this.#options.names?.(message.name, name, unit),
    )
    const signals = message.signals.map((signal, i) => {
      const name = given[i]?.name ?? `${message.name}.${signal.name}`
      return this.#catalog.intern(name, given[i]?.unit ?? signal.unit).index
    })
    return { message, signals, given, dropNoValues, read: undefined }
  }
}

/** Identifiers remembered per bus, so that a J1939 group is worked out once per identifier. */
const MAX_REMEMBERED_IDS = 65_536

/** The messages of one bus by identifier. */
class Bus {
  readonly #set: DatabaseSet
  readonly #entries: ReadonlyMap<DbcMessage, Entry>
  readonly #standard: (Entry | undefined)[]
  readonly #extended = new Map<number, Entry | undefined>()

  constructor(set: DatabaseSet, entries: ReadonlyMap<DbcMessage, Entry>) {
    this.#set = set
    this.#entries = entries
    this.#standard = Array.from({ length: 0x800 }, (_, id) => this.#look(id, false))
  }

  find(id: number, ext: boolean): Entry | undefined {
    if (!ext) return this.#standard[id]
    const entry = this.#extended.get(id)
    if (entry !== undefined || this.#extended.has(id)) return entry
    const found = this.#look(id, true)
    if (this.#extended.size < MAX_REMEMBERED_IDS) this.#extended.set(id, found)
    return found
  }

  #look(id: number, ext: boolean): Entry | undefined {
    const message = this.#set.find(id, ext)
    return message && this.#entries.get(message)
  }
}

function compileRead({ message, signals, given, dropNoValues }: Entry): Read {
  const emitter: Emitter = {
    load: (i) => `d[o + ${i}]`,
    store: (signal, index) => {
      const put = (raw: string): string =>
        signals[index] === REFUSED.index
          ? '{}'
          : `s[k] = ${signals[index]}; v[k] = ${converted(scaledNumber(signal, raw), given[index])}; t[k++] = at`
      const raw = numberExpression(signal)
      return dropNoValues ? guardedStore(message, signal, raw, put) : put(raw)
    },
  }
  return compile<Read>(
    ['frames', 'i', 'out', 'marks'],
    `const d = frames.data, n = frames.length[i], o = i * 64, at = frames.timeUs[i]
const s = out.signal, v = out.value, t = out.timeUs
let k = out.count
let missing = 0
if (n >= ${bytesForAll(message)}) {
${generate(message, emitter, false)}} else {
${generate(message, emitter, true)}}
out.count = k
return missing
`,
  )
}

/** The value in the unit that the config wants it in. */
function converted(value: string, given: SignalName | undefined): string {
  const { factor = 1, offset = 0 } = given ?? {}
  const product = factor === 1 ? value : `(${value}) * (${factor})`
  return offset === 0 ? product : `${product} + (${offset})`
}

function tooSmall(message: DbcMessage, capacity: number): string {
  const count = message.signals.length
  return `message ${message.name} has ${count} signals, the batch has room for ${capacity} readings`
}
