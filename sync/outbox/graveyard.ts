import type { Statement } from 'better-sqlite3'
import { LANES, type Lane } from '../record.ts'
import type { Book } from './book.ts'
import type { Shelf } from './shelf.ts'

/** Records that the other side refuses for what is in them: out of the way, kept for a look. */
export class Graveyard {
  readonly #shelf: Shelf
  readonly #book: Book
  readonly #maxRecords: number
  readonly #insert: Statement
  readonly #trim: Statement<[number]>
  readonly #count: Statement<[], number>

  constructor(shelf: Shelf, book: Book, maxRecords: number) {
    this.#shelf = shelf
    this.#book = book
    this.#maxRecords = maxRecords
    this.#insert = shelf.db.prepare('INSERT INTO dead VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
    this.#trim = shelf.db.prepare(
      'DELETE FROM dead WHERE seq IN (SELECT seq FROM dead ORDER BY seq DESC LIMIT -1 OFFSET ?)',
    )
    this.#count = shelf.db.prepare('SELECT count(*) FROM dead').pluck() as never
  }

  get records(): number {
    return this.#count.get() ?? 0
  }

  /** Moves a record here and says so in the ledger; belongs into a transaction. */
  bury(lane: Lane, seq: number, reason: string): void {
    const [row] = this.#shelf.tables[lane].read(seq - 1, 1, 0)
    if (row?.[0] !== seq) return
    this.#insert.run(seq, LANES.indexOf(lane), ...row.slice(1), reason)
    this.#trim.run(this.#maxRecords)
    this.#shelf.delete(lane, seq - 1, seq, { records: 1, bytes: row[7].length })
    this.#book.tell([
      { cause: 'rejected', lane, firstSeq: seq, lastSeq: seq, count: 1, detail: reason },
    ])
  }
}
