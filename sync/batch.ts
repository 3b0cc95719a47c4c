import type { LedgerEntry } from './ledger.ts'
import { type ClockState, LANES, type NewRecord } from './record.ts'

const CLOCKS: readonly ClockState[] = ['synced', 'repaired', 'unsynced']
/** Numbers per record: lane, kind, clock, timeUs, monoUs, end of its payload. */
const STRIDE = 6
const FIRST_BYTES = 16 * 1024
const FIRST_RECORDS = 64
/** A batch's buffer begins as large as the last one needed, up to this; larger ones are not kept. */
const LARGEST_FIRST_BYTES = 1024 ** 2
/** Pairs of buffers that came back and wait for their next batch. */
const MAX_SPARE = 2
/** Kinds (`type` and media type) remembered; a runaway type costs time then, not memory. */
const MAX_KINDS = 1_000

/** The memory of a batch, which moves between threads without being copied. */
export interface BatchBuffers {
  readonly columns: Float64Array<ArrayBuffer>
  readonly payloads: Uint8Array<ArrayBuffer>
}

/** Records on their way to the thread, in two flat buffers. */
export interface Batch extends BatchBuffers {
  /** Counts up from 1; the thread answers with it once the batch is on the disk. */
  readonly id: number
  readonly records: number
  readonly bytes: number
  /** Kinds named in this batch: its records refer to them by place. */
  readonly kinds: readonly (readonly [type: string, contentType: string | undefined])[]
  /** What was dropped before this batch. */
  readonly losses: readonly LedgerEntry[]
}

/**
 * Collects records in flat buffers, so that one costs neither an object nor a second copy. Buffers
 * come back when their batch is on the disk; left to the garbage collector they pile up (after
 * 1,000,000 records a process had 154 MiB, with this 146; means of three runs).
 */
export class BatchWriter {
  #columns = new Float64Array(FIRST_RECORDS * STRIDE)
  #payloads = buffer(FIRST_BYTES)
  readonly #spare: BatchBuffers[] = []
  #kinds: (readonly [string, string | undefined])[] = []
  #places = new Map<string, number>()
  #lastId = 0
  records = 0
  bytes = 0

  get lastId(): number {
    return this.#lastId
  }

  /** Adds a record; answers the bytes of its payload. */
  add(record: NewRecord): number {
    const { payload } = record
    const start = this.bytes
    // A character takes at most three bytes of UTF-8.
    this.#reserve(typeof payload === 'string' ? payload.length * 3 : payload.length)
    if (typeof payload === 'string') this.bytes += this.#payloads.write(payload, start)
    else {
      this.#payloads.set(payload, start)
      this.bytes += payload.length
    }
    const at = this.records++ * STRIDE
    if (at === this.#columns.length) {
      const larger = new Float64Array(this.#columns.length * 2)
      larger.set(this.#columns)
      this.#columns = larger
    }
    this.#columns[at] = LANES.indexOf(record.lane)
    this.#columns[at + 1] = this.#place(record.type, record.contentType)
    this.#columns[at + 2] = CLOCKS.indexOf(record.clock)
    this.#columns[at + 3] = record.timeUs
    this.#columns[at + 4] = record.monoUs
    this.#columns[at + 5] = this.bytes
    return this.bytes - start
  }

  /** Takes what was collected and begins anew. */
  take(losses: readonly LedgerEntry[]): Batch {
    const { records, bytes } = this
    const batch: Batch = {
      id: ++this.#lastId,
      records,
      bytes,
      columns: this.#columns,
      payloads: this.#payloads,
      kinds: this.#kinds,
      losses,
    }
    const spare = this.#spare.pop()
    this.#columns = spare?.columns ?? new Float64Array(Math.max(FIRST_RECORDS, records) * STRIDE)
    this.#payloads = spare
      ? Buffer.from(spare.payloads.buffer)
      : buffer(Math.min(LARGEST_FIRST_BYTES, Math.max(FIRST_BYTES, bytes)))
    this.#kinds = []
    this.#places.clear()
    this.records = this.bytes = 0
    return batch
  }

  /** These are free for another batch. */
  giveBack(buffers: readonly BatchBuffers[]): void {
    for (const each of buffers) {
      if (this.#spare.length >= MAX_SPARE) return
      if (each.payloads.byteLength <= LARGEST_FIRST_BYTES) this.#spare.push(each)
    }
  }

  #reserve(bytes: number): void {
    const need = this.bytes + bytes
    if (need <= this.#payloads.length) return
    const larger = buffer(Math.max(need, this.#payloads.length * 2))
    larger.set(this.#payloads.subarray(0, this.bytes))
    this.#payloads = larger
  }

  #place(type: string, contentType: string | undefined): number {
    const key = contentType === undefined ? type : `${type}\n${contentType}`
    let place = this.#places.get(key)
    if (place === undefined) {
      place = this.#kinds.push([type, contentType]) - 1
      if (this.#places.size < MAX_KINDS) this.#places.set(key, place)
    }
    return place
  }
}

/** A buffer of its own memory: one from Node's shared pool could not be handed over. */
function buffer(bytes: number): Buffer<ArrayBuffer> {
  return Buffer.allocUnsafeSlow(bytes) as Buffer<ArrayBuffer>
}

/** The records of a batch; their payloads are views into it. */
export function recordsOf({ records, columns, payloads, kinds }: Batch): NewRecord[] {
  const result: NewRecord[] = []
  let start = 0
  for (let at = 0; at < records * STRIDE; at += STRIDE) {
    const end = columns[at + 5]
    const [type, contentType] = kinds[columns[at + 1]]
    result.push({
      lane: LANES[columns[at]],
      type,
      contentType,
      clock: CLOCKS[columns[at + 2]],
      timeUs: columns[at + 3],
      monoUs: columns[at + 4],
      payload: payloads.subarray(start, end),
    })
    start = end
  }
  return result
}
