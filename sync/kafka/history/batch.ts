import { Reader } from './bytes.ts'

/** Header values are bytes; a name that comes twice keeps its last value. */
export type HistoryHeaders = Readonly<Record<string, Buffer | null>>

/** Numbers kept for each record: offset delta, and where key, value and headers lie. */
const STRIDE = 6

/** A record of the history. Its bytes are views into the batch: copy what shall outlive it. */
export class HistoryRecord {
  readonly #batch: HistoryBatch
  readonly #index: number

  constructor(batch: HistoryBatch, index: number) {
    this.#batch = batch
    this.#index = index
  }

  get topic(): string {
    return this.#batch.topic
  }

  get partition(): number {
    return this.#batch.partition
  }

  get offset(): number {
    return this.#batch.offset(this.#index)
  }

  /** Kafka's own timestamp, milliseconds since the epoch; -1 where the writer's clock was not set. */
  get timestampMs(): number {
    return this.#batch.timestampMs(this.#index)
  }

  /** `ce_time` where the record has one (then to the microsecond), else Kafka's timestamp. */
  get timeUs(): number {
    return timeUsOf(this.#batch.header(this.#index, 'ce_time')) ?? this.timestampMs * 1000
  }

  get key(): Buffer | null {
    return this.#batch.key(this.#index)
  }

  get value(): Buffer | null {
    return this.#batch.value(this.#index)
  }

  /** Media type of `value`. */
  get contentType(): string | undefined {
    return this.#batch.contentType(this.#index)
  }

  get headers(): HistoryHeaders {
    return this.#batch.headers(this.#index)
  }

  /** One header, without decoding the others into an object. */
  header(name: string): Buffer | null | undefined {
    return this.#batch.header(this.#index, name)
  }
}

/** What a record batch says of its records (KIP-98, "Message Format"). */
export interface BatchFrame {
  readonly baseOffset: number
  readonly baseTimestampMs: number
  readonly maxTimestampMs: number
  /** The broker stamped the whole batch when it was appended. */
  readonly logAppendTime: boolean
  readonly count: number
  /** The records, uncompressed. */
  readonly records: Buffer
}

/**
 * Committed records of one partition in order of offset, from one record batch. Flat: numbers in
 * typed arrays, bytes as views into the broker's answer, headers decoded when they are asked for.
 */
export class HistoryBatch implements Iterable<HistoryRecord> {
  readonly topic: string
  readonly partition: number
  readonly length: number
  readonly #frame: BatchFrame
  readonly #places: Int32Array
  readonly #timestampsMs: Float64Array
  readonly #reader: Reader
  /** Payloads that were written in another form than the reader wants, by place. */
  readonly #decoded = new Map<number, Buffer>()

  /** Takes the records with `fromOffset <= offset < toOffset`. */
  constructor(
    topic: string,
    partition: number,
    frame: BatchFrame,
    fromOffset: number,
    toOffset: number,
  ) {
    this.topic = topic
    this.partition = partition
    this.#frame = frame
    this.#reader = new Reader(frame.records)
    this.#places = new Int32Array(frame.count * STRIDE)
    this.#timestampsMs = new Float64Array(frame.count)
    this.length = this.#index(fromOffset, toOffset)
  }

  #index(fromOffset: number, toOffset: number): number {
    const { baseOffset, baseTimestampMs, maxTimestampMs, logAppendTime, count } = this.#frame
    const reader = new Reader(this.#frame.records)
    const places = this.#places
    let length = 0
    for (let read = 0; read < count; read++) {
      const bytes = reader.varint()
      const end = reader.at + bytes
      if (bytes < 0 || end > reader.buffer.length)
        throw new RangeError('A record ends past its batch')
      reader.at++ // attributes, unused
      const timestampMs = baseTimestampMs + reader.varlong()
      const delta = reader.varint()
      const offset = baseOffset + delta
      if (offset >= fromOffset && offset < toOffset) {
        const at = length * STRIDE
        places[at] = delta
        const keyBytes = reader.varint()
        places[at + 1] = keyBytes < 0 ? -1 : reader.at
        places[at + 2] = reader.at += Math.max(0, keyBytes)
        const valueBytes = reader.varint()
        places[at + 3] = valueBytes < 0 ? -1 : reader.at
        places[at + 4] = reader.at += Math.max(0, valueBytes)
        places[at + 5] = reader.at
        if (reader.at > end) throw new RangeError('A field ends past its record')
        this.#timestampsMs[length++] = logAppendTime ? maxTimestampMs : timestampMs
      }
      reader.at = end
    }
    return length
  }

  offset(index: number): number {
    return this.#frame.baseOffset + this.#places[index * STRIDE]
  }

  timestampMs(index: number): number {
    return this.#timestampsMs[index]
  }

  key(index: number): Buffer | null {
    const at = index * STRIDE
    const start = this.#places[at + 1]
    return start < 0 ? null : this.#frame.records.subarray(start, this.#places[at + 2])
  }

  value(index: number): Buffer | null {
    const decoded = this.#decoded.get(index)
    if (decoded) return decoded
    const at = index * STRIDE
    const start = this.#places[at + 3]
    return start < 0 ? null : this.#frame.records.subarray(start, this.#places[at + 4])
  }

  /** Puts JSON in the place of a payload that was Avro. */
  setDecoded(index: number, json: Buffer): void {
    this.#decoded.set(index, json)
  }

  /** Media type of the payload as `value` gives it. */
  contentType(index: number): string | undefined {
    if (this.#decoded.has(index)) return 'application/json'
    return this.header(index, 'content-type')?.toString('latin1')
  }

  headers(index: number): HistoryHeaders {
    const headers: Record<string, Buffer | null> = {}
    const reader = new Reader(this.#frame.records, this.#places[index * STRIDE + 5])
    for (let left = reader.varint(); left > 0; left--) {
      const name = reader.bytes(reader.varint()).toString('utf8')
      headers[name] = reader.varbytes()
    }
    return headers
  }

  header(index: number, name: string): Buffer | null | undefined {
    const wanted = Buffer.from(name)
    const reader = new Reader(this.#frame.records, this.#places[index * STRIDE + 5])
    let found: Buffer | null | undefined
    for (let left = reader.varint(); left > 0; left--) {
      const isWanted = reader.bytes(reader.varint()).equals(wanted)
      const value = reader.varbytes()
      if (isWanted) found = value
    }
    return found
  }

  /** The bytes that `findHeaders` points into: read them before the next batch is asked for. */
  get bytes(): Buffer {
    return this.#frame.records
  }

  /**
   * Finds several headers in one pass, for a reader in a hurry: the value of `names[i]` lies at
   * `places[2 * i]` up to `places[2 * i + 1]` in `bytes`; -1 where there is none.
   */
  findHeaders(index: number, names: readonly Uint8Array[], places: Int32Array): void {
    const { buffer } = this.#reader
    const reader = this.#reader
    reader.at = this.#places[index * STRIDE + 5]
    places.fill(-1)
    for (let left = reader.varint(); left > 0; left--) {
      const nameBytes = reader.varint()
      const nameAt = reader.at
      reader.at += nameBytes
      const valueBytes = reader.varint()
      const valueAt = reader.at
      if (valueBytes > 0) reader.at += valueBytes
      if (nameBytes < 0 || reader.at > buffer.length)
        throw new RangeError('A header ends past its record')
      for (let n = 0; n < names.length; n++) {
        const name = names[n]
        if (name.length !== nameBytes) continue
        // From the back: names that begin alike (`mp_…`, `ce_…`) are told apart at once.
        let at = nameBytes - 1
        while (at >= 0 && buffer[nameAt + at] === name[at]) at--
        if (at >= 0) continue
        places[2 * n] = valueBytes < 0 ? -1 : valueAt
        places[2 * n + 1] = valueBytes < 0 ? -1 : valueAt + valueBytes
        break
      }
    }
  }

  /** The record at a place; cheap, but for the fastest way ask the batch itself. */
  record(index: number): HistoryRecord {
    return new HistoryRecord(this, index)
  }

  *[Symbol.iterator](): Iterator<HistoryRecord> {
    for (let index = 0; index < this.length; index++) yield new HistoryRecord(this, index)
  }
}

/** Microseconds of an RFC 3339 time; a Date alone would cut it to milliseconds. */
function timeUsOf(text: Buffer | null | undefined): number | undefined {
  if (!text) return undefined
  const [, seconds, fraction = '', zone] =
    /^(.+T\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text.toString('latin1')) ?? []
  if (seconds === undefined) return undefined
  const timeUs = Date.parse(seconds + zone) * 1000 + Number(fraction.slice(0, 6).padEnd(6, '0'))
  return Number.isFinite(timeUs) ? timeUs : undefined
}
