import { type Batch, type BatchBuffers, recordsOf } from './batch.ts'
import type { LedgerEntry } from './ledger.ts'
import { LANES, type NewRecord } from './record.ts'

/** A batch, or as much of one as fits a transaction. */
export interface Part {
  readonly records: readonly NewRecord[]
  readonly losses: readonly LedgerEntry[]
  /** Of the payloads. */
  readonly bytes: number
  /** The batch that is done with this part. */
  readonly batch: Pick<Batch, 'id' | 'columns' | 'payloads'> | undefined
}

/** What waits for the disk, in the order in which it came. Bounded by who hands it in. */
export class Parts {
  readonly #maxPartBytes: number
  #waiting: Part[] = []

  constructor(maxPartBytes: number) {
    this.#maxPartBytes = maxPartBytes
  }

  get empty(): boolean {
    return this.#waiting.length === 0
  }

  add(batch: Batch): void {
    const records = recordsOf(batch)
    let from = 0
    let bytes = 0
    records.forEach((record, i) => {
      if (i > from && bytes + record.payload.length > this.#maxPartBytes) {
        this.#waiting.push({ records: records.slice(from, i), losses: [], bytes, batch: undefined })
        from = i
        bytes = 0
      }
      bytes += record.payload.length
    })
    this.#waiting.push({
      records: from === 0 ? records : records.slice(from),
      losses: batch.losses,
      bytes,
      batch,
    })
  }

  /** The first ones, as many as fit so many bytes; always one if there is one. */
  first(maxBytes: number): Part[] {
    let count = 0
    let bytes = 0
    for (const part of this.#waiting) {
      bytes += part.bytes
      if (count > 0 && bytes > maxBytes) break
      count++
    }
    return this.#waiting.slice(0, count)
  }

  /** The first so many are on the disk: answers the last batch that is done, and the buffers that are free. */
  kept(count: number): { lastId: number; buffers: BatchBuffers[] } | undefined {
    const done = this.#waiting.splice(0, count).flatMap(({ batch }) => batch ?? [])
    const last = done.at(-1)
    if (!last) return undefined
    const buffers = done.map(({ columns, payloads }) => ({ columns, payloads }))
    return { lastId: last.id, buffers }
  }

  /** The first so many cannot be kept: their records wait on as counts. */
  refuse(count: number): void {
    this.#waiting.splice(0, count, ...this.#waiting.slice(0, count).map(refused))
  }
}

/** The same part with its records counted instead of kept. */
function refused(part: Part): Part {
  const losses = [...part.losses]
  for (const lane of LANES) {
    const count = part.records.filter((record) => record.lane === lane).length
    if (count > 0) losses.push({ cause: 'invalid', lane, count })
  }
  return { records: [], losses, bytes: 0, batch: part.batch }
}
