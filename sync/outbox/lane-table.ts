import type { Database, Statement } from 'better-sqlite3'
import type { Lane } from '../record.ts'

/** A row as SQLite gives it: seq, back, kind, boot, clock, timeUs, monoUs, payload. */
export type Row = [number, number, number, number, number, number, number, Buffer]

/** How many rows, and bytes of payload in them. */
export interface Extent {
  readonly records: number
  readonly bytes: number
}

/** The statements of one lane's table, prepared once. */
export class LaneTable {
  readonly #insert: Statement
  readonly #read: Statement<[number, number], Row>
  readonly #first: Statement<[number], { seq: number; timeUs: number }>
  readonly #sizes: Statement<[number], [number, number]>
  readonly #extent: Statement<[number, number], [number, number]>
  readonly #lastSeq: Statement<[], number | null>
  readonly #delete: Statement<[number, number]>
  readonly #clear: Statement<[]>
  readonly #repair: Statement<unknown[]>

  constructor(db: Database, lane: Lane) {
    this.#insert = db.prepare(`INSERT INTO ${lane} VALUES (?, ?, ?, ?, ?, ?, ?, ?)`)
    this.#read = db.prepare(`SELECT * FROM ${lane} WHERE seq > ? ORDER BY seq LIMIT ?`)
    this.#read.raw()
    this.#first = db.prepare(`SELECT seq, timeUs FROM ${lane} WHERE seq > ? ORDER BY seq LIMIT 1`)
    this.#sizes = db.prepare(`SELECT seq, length(payload) FROM ${lane} WHERE seq > ? ORDER BY seq`)
    this.#sizes.raw()
    this.#extent = db.prepare(
      `SELECT count(*), coalesce(sum(length(payload)), 0) FROM ${lane} WHERE seq > ? AND seq <= ?`,
    )
    this.#extent.raw()
    this.#lastSeq = db.prepare(`SELECT max(seq) FROM ${lane}`).pluck() as never
    this.#delete = db.prepare(`DELETE FROM ${lane} WHERE seq > ? AND seq <= ?`)
    this.#clear = db.prepare(`DELETE FROM ${lane}`)
    this.#repair = db.prepare(
      `UPDATE ${lane} SET timeUs = monoUs + ?, clock = ? WHERE seq IN (
         SELECT seq FROM ${lane} WHERE seq > ? AND boot = ? AND clock = ? ORDER BY seq LIMIT ?
       ) RETURNING seq`,
    )
  }

  insert(
    seq: number,
    back: number,
    kind: number,
    boot: number,
    clock: number,
    timeUs: number,
    monoUs: number,
    payload: Uint8Array,
  ): void {
    this.#insert.run(seq, back, kind, boot, clock, timeUs, monoUs, payload)
  }

  /** Rows after `afterSeq`, in order, as many as fit; always one if there is one. */
  read(afterSeq: number, maxRecords: number, maxBytes: number): Row[] {
    const rows: Row[] = []
    let bytes = 0
    for (const row of this.#read.iterate(afterSeq, maxRecords)) {
      bytes += row[7].length
      if (rows.length > 0 && bytes > maxBytes) break
      rows.push(row)
    }
    return rows
  }

  /** The first row after `afterSeq`. */
  first(afterSeq: number): { seq: number; timeUs: number } | undefined {
    return this.#first.get(afterSeq)
  }

  /** The last row's `seq`, 0 in an empty table. */
  get lastSeq(): number {
    return this.#lastSeq.get() ?? 0
  }

  /** Rows after `afterSeq` up to and with `lastSeq`. */
  extent(afterSeq: number, lastSeq = Number.MAX_SAFE_INTEGER): Extent {
    const [records, bytes] = this.#extent.get(afterSeq, lastSeq)!
    return { records, bytes }
  }

  /** The shortest run of rows after `afterSeq` that holds so many bytes, or all there is. */
  run(
    afterSeq: number,
    bytes: number,
    perRecord: number,
  ): (Extent & { firstSeq: number; lastSeq: number }) | undefined {
    let records = 0
    let payload = 0
    let firstSeq = 0
    let lastSeq = 0
    for (const [seq, length] of this.#sizes.iterate(afterSeq)) {
      if (records++ === 0) firstSeq = seq
      lastSeq = seq
      payload += length
      if (payload + records * perRecord >= bytes) break
    }
    return records === 0 ? undefined : { records, bytes: payload, firstSeq, lastSeq }
  }

  delete(afterSeq: number, lastSeq: number): void {
    this.#delete.run(afterSeq, lastSeq)
  }

  /** Empties the table page by page, not row by row. */
  clear(): void {
    this.#clear.run()
  }

  /** Sets wall times from monotonic ones; answers the `seq`s of at most `maxRecords` rows. */
  repair(afterSeq: number, boot: number, offsetUs: number, states: [number, number], max: number) {
    const [unsynced, repaired] = states
    return this.#repair.all(offsetUs, repaired, afterSeq, boot, unsynced, max).length
  }
}
