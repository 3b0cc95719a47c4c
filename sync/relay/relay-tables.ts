import type { Statement } from 'better-sqlite3'
import type { Database } from '../outbox/database.ts'
import { Dictionary } from '../outbox/dictionary.ts'
import { JSON_TYPE } from '../outbox/shelf.ts'
import { LANES, type Lane, type Origin, type StoredRecord } from '../record.ts'
import { tipOf } from '../tip.ts'
import type { Mark } from './origins.ts'
import { type Packed, Packer, unpack } from './pack.ts'

/** Refused records kept for a person to look at. */
const MAX_DEAD = 1_000
/** Records of one row at most: an import may bring more at once. */
const MAX_ROW_RECORDS = 5_000

type Row = [lastId: number, records: number, bytes: Buffer]
/** Ids of a lane: the last given, the last that the other side has, the last whose origin is folded. */
type LaneRow = { lastId: number; releasedId: number; foldedId: number }

/** The records of a relay's store: a log of rows that hold many each, by lane. */
export class RelayTables {
  readonly #db: Database
  readonly #kinds: Dictionary
  readonly #packers = new Map(LANES.map((lane) => [lane, new Packer()]))
  readonly #lanes = new Map<Lane, LaneRow>()
  readonly #insert: Statement<[number, number, number, Buffer]>
  readonly #rows: Statement<[number, number], Row>
  readonly #release: Statement<[number, number]>
  readonly #lane: Statement<[number], LaneRow>
  readonly #moveLane: Statement<[number, number, number, number]>
  readonly #lastRow: Statement<[], number>
  readonly #allRefused: Statement<[], [number, number]>
  /** Ids of records that were put aside: the other side's position may still lie before them. */
  readonly #refused = new Map(LANES.map((lane) => [lane, new Set<number>()]))
  /** At or above the id of every row there is, those that the open transaction writes included. */
  rowsUpTo = 0
  /** Of rows whose origins are not folded. */
  unfoldedBytes = 0

  constructor(db: Database) {
    this.#db = db
    this.#kinds = new Dictionary(db, 'kind')
    this.#insert = db.prepare('INSERT INTO batch VALUES (NULL, ?, ?, ?, ?)')
    this.#rows = db
      .prepare(
        'SELECT lastId, records, bytes FROM batch WHERE lane = ? AND lastId > ? ORDER BY lastId',
      )
      .raw() as never
    this.#release = db.prepare('DELETE FROM batch WHERE lane = ? AND lastId <= ?')
    this.#lane = db.prepare('SELECT lastId, releasedId, foldedId FROM lane WHERE lane = ?')
    this.#moveLane = db.prepare(
      'UPDATE lane SET lastId = ?, releasedId = ?, foldedId = ? WHERE lane = ?',
    )
    this.#allRefused = db.prepare('SELECT lane, id FROM refused').raw() as never
    this.#lastRow = db
      .prepare("SELECT seq FROM sqlite_sequence WHERE name = 'batch'")
      .pluck() as never
  }

  /** Adds a record to the open transaction; `flush` writes what was added. */
  insert(originId: number, record: StoredRecord): void {
    const { lane, type, contentType } = record
    const packer = this.#packers.get(lane)!
    packer.add(originId, this.#kind(type, contentType || JSON_TYPE), record)
    if (packer.records >= MAX_ROW_RECORDS) this.#flush(lane, packer)
  }

  flush(): void {
    for (const [lane, packer] of this.#packers) if (packer.records > 0) this.#flush(lane, packer)
  }

  #flush(lane: Lane, packer: Packer): void {
    const { records } = packer
    const bytes = packer.take()
    const row = this.#at(lane)
    row.lastId += records
    const { lastInsertRowid } = this.#insert.run(LANES.indexOf(lane), row.lastId, records, bytes)
    this.rowsUpTo = Number(lastInsertRowid) + LANES.length
    this.unfoldedBytes += bytes.length
    this.#write(lane, row)
  }

  /** Records after an id, as many as fit, at least one. */
  read(lane: Lane, afterId: number, maxRecords: number, maxBytes: number) {
    const found: { id: number; originId: number; record: StoredRecord }[] = []
    let bytes = 0
    for (const [lastId, records, packed] of this.#rows.iterate(LANES.indexOf(lane), afterId)) {
      let id = Math.max(lastId - records, afterId)
      for (const { originId, kind, record } of unpack(packed, lane, id - (lastId - records))) {
        if (this.#refused.get(lane)!.has(++id)) continue
        bytes += record.payload.length
        if (found.length === maxRecords || (found.length > 0 && bytes > maxBytes)) return found
        const [type, contentType] = this.#words(kind)
        const { seq, prev, timeUs, monoUs, bootId, clock, payload } = record
        found.push({
          id,
          originId,
          record: { lane, seq, prev, type, timeUs, monoUs, bootId, clock, contentType, payload },
        })
      }
    }
    return found
  }

  /** Tells whose records are in rows whose origins were not folded: the last of each in each row. */
  unfolded(mark: (originId: number, mark: Mark) => void): void {
    for (const lane of LANES) {
      for (const [, , bytes] of this.#rows.iterate(LANES.indexOf(lane), this.#at(lane).foldedId)) {
        this.unfoldedBytes += bytes.length
        const last = new Map<number, Packed>()
        for (const packed of unpack(bytes, lane, 0)) last.set(packed.originId, packed)
        for (const [originId, { kind, record }] of last) {
          const [type] = this.#words(kind)
          mark(originId, { lane, seq: record.seq, tip: tipOf({ ...record, type }) })
        }
      }
    }
  }

  /** All rows that there are were folded. */
  folded(): void {
    this.unfoldedBytes = 0
    for (const lane of LANES) {
      const row = this.#at(lane)
      row.foldedId = row.lastId
      this.#write(lane, row)
    }
  }

  release(lane: Lane, id: number): void {
    const row = this.#at(lane)
    row.releasedId = Math.max(row.releasedId, Math.min(id, row.lastId))
    this.#release.run(LANES.indexOf(lane), row.releasedId)
    this.#forget(lane, row.releasedId)
    this.#write(lane, row)
  }

  /**
   * The id itself, or the last of those put aside that follow it at once; never before what was
   * released, of which those put aside are known no more.
   */
  past(lane: Lane, id: number): number {
    const refused = this.#refused.get(lane)!
    let at = Math.max(id, this.#at(lane).releasedId)
    while (refused.has(at + 1)) at++
    return at
  }

  lastId(lane: Lane): number {
    return this.#at(lane).lastId
  }

  /** Records after what was released, and after this id. */
  waiting(lane: Lane, id: number): number {
    const { lastId, releasedId } = this.#at(lane)
    return lastId - Math.max(releasedId, id)
  }

  bury(id: number, { vehicle, epoch }: Origin, record: StoredRecord, reason: string): void {
    const { lane, seq, payload } = record
    this.#db.prepare('INSERT INTO refused VALUES (?, ?)').run(LANES.indexOf(lane), id)
    this.#refused.get(lane)!.add(id)
    this.#db
      .prepare('INSERT INTO dead VALUES (NULL, ?, ?, ?, ?, ?, ?)')
      .run(vehicle, epoch, lane, seq, reason, payload)
    this.#db.prepare('DELETE FROM dead WHERE id <= (SELECT max(id) FROM dead) - ?').run(MAX_DEAD)
  }

  /** Learns anew which records there are. */
  look(): void {
    this.#lanes.clear()
    for (const refused of this.#refused.values()) refused.clear()
    for (const [lane, id] of this.#allRefused.iterate()) this.#refused.get(LANES[lane])!.add(id)
  }

  /** Forgets what a rolled-back transaction added, or what another process may have changed. */
  reload(): void {
    this.#kinds.reload()
    this.look()
    for (const packer of this.#packers.values()) packer.clear()
    this.unfoldedBytes = 0
    this.rowsUpTo = (this.#lastRow.get() ?? 0) + LANES.length
  }

  #forget(lane: Lane, upTo: number): void {
    const refused = this.#refused.get(lane)!
    if (refused.size === 0) return
    this.#db
      .prepare('DELETE FROM refused WHERE lane = ? AND id <= ?')
      .run(LANES.indexOf(lane), upTo)
    for (const id of refused) if (id <= upTo) refused.delete(id)
  }

  #at(lane: Lane): LaneRow {
    let row = this.#lanes.get(lane)
    if (!row) this.#lanes.set(lane, (row = this.#lane.get(LANES.indexOf(lane))!))
    return row
  }

  #write(lane: Lane, { lastId, releasedId, foldedId }: LaneRow): void {
    this.#moveLane.run(lastId, releasedId, foldedId, LANES.indexOf(lane))
  }

  // Another process may have given a kind its number: what is not known is looked up again first.
  #kind(type: string, contentType: string): number {
    const known = this.#kinds.find(type, contentType)
    if (known !== undefined) return known
    this.#kinds.reload()
    return this.#kinds.id(type, contentType)
  }

  #words(kind: number): readonly string[] {
    if (this.#kinds.words(kind).length === 0) this.#kinds.reload()
    return this.#kinds.words(kind)
  }
}
