import { closeSync, fstatSync, openSync, writeSync } from 'node:fs'
import type { Database } from 'better-sqlite3'
import { LEDGER_TYPE, parseLedger } from '../ledger.ts'
import { LANES, type Lane, type NewRecord } from '../record.ts'
import { PAGE_BYTES } from './database.ts'
import type { Key } from './key.ts'
import type { Row } from './lane-table.ts'
import { emptyOutbox } from './schema.ts'
import { CLOCKS, JSON_TYPE } from './shelf.ts'
import { openSqlite } from './sqlite.ts'

/** A record taken out of a damaged file, with the boot that it came from. */
export interface SalvagedRecord extends NewRecord {
  readonly payload: Uint8Array
  readonly bootId: string
  /** Its number in the damaged file. */
  readonly seq: number
}

/** Some records of a lane, and the stretches of `seq` that could not be read. */
export interface Salvage {
  readonly records: readonly SalvagedRecord[]
  /** Where to go on. */
  readonly afterSeq: number
  readonly done: boolean
  readonly holes: readonly { readonly firstSeq: number; readonly lastSeq: number }[]
}

/** What stands for a type that the file no longer tells. */
const LOST_KIND = ['milepost.salvaged.v1', 'application/octet-stream'] as const
const LOST_BOOT = 'unknown'

/**
 * Reads a damaged outbox record by record. SQLite walks its tree; where a page of it cannot be read,
 * the next readable row is searched for by doubling and halving the distance, so that a hole of any
 * size costs a few dozen look-ups.
 */
export class DamagedFile {
  readonly #db: Database
  readonly #kinds: ReadonlyMap<number, readonly string[]>
  readonly #boots: ReadonlyMap<number, readonly string[]>
  readonly epoch: string | undefined

  /** Throws what SQLite throws where nothing at all can be read. */
  static open(file: string, key?: Key): DamagedFile {
    try {
      return new DamagedFile(file, key)
    } catch (error) {
      // Encrypted, the first page holds what all others are read with.
      if (key) throw error
      // The first page holds the schema, which is the same in every outbox.
      writeFirstPage(file)
      return new DamagedFile(file, key)
    }
  }

  private constructor(file: string, key: Key | undefined) {
    this.#db = openSqlite(file, key, { fileMustExist: true })
    try {
      this.#db.pragma('locking_mode = EXCLUSIVE')
      for (const lane of LANES) this.#db.prepare(`SELECT seq, payload FROM ${lane}`)
    } catch (error) {
      this.#db.close()
      throw error
    }
    this.#kinds = this.#words('SELECT id, type, contentType FROM kind')
    this.#boots = this.#words('SELECT id, bootId FROM boot')
    this.epoch = this.#try(
      () =>
        this.#db.prepare("SELECT value FROM meta WHERE key = 'epoch'").pluck().get() as
          | string
          | undefined,
    )
  }

  /** How many rows a lane had up to its mark, where that can still be read. */
  marked(lane: Lane): { records: number; markedSeq: number } | undefined {
    return this.#try(() =>
      this.#db
        .prepare<[number], { records: number; markedSeq: number }>(
          'SELECT records, markedSeq FROM lane WHERE id = ?',
        )
        .get(LANES.indexOf(lane)),
    )
  }

  /** The next records of a lane, at most so many and about so many bytes. */
  read(lane: Lane, afterSeq: number, maxRecords: number, maxBytes: number): Salvage {
    const records: SalvagedRecord[] = []
    const holes: { firstSeq: number; lastSeq: number }[] = []
    let after = afterSeq
    let rows = 0
    let bytes = 0
    const select = this.#db
      .prepare<[number, number], Row>(`SELECT * FROM ${lane} WHERE seq > ? ORDER BY seq LIMIT ?`)
      .raw()
    for (;;) {
      try {
        for (const row of select.iterate(after, maxRecords - rows) as Iterable<Row>) {
          const record = this.#record(lane, row)
          after = row[0]
          rows++
          if (record) records.push(record)
          else holes.push({ firstSeq: row[0], lastSeq: row[0] })
          bytes += row[7].length
          if (bytes >= maxBytes) return { records, afterSeq: after, done: false, holes }
        }
        return { records, afterSeq: after, done: rows < maxRecords, holes }
      } catch {
        const next = this.#nextReadable(lane, after)
        if (next === undefined) {
          holes.push({ firstSeq: after + 1, lastSeq: Math.max(after + 1, this.#lastSeq(lane)) })
          return { records, afterSeq: after, done: true, holes }
        }
        holes.push({ firstSeq: after + 1, lastSeq: next - 1 })
        after = next - 1
      }
    }
  }

  close(): void {
    try {
      this.#db.close()
    } catch {
      // A damaged file may refuse to be closed in good order.
    }
  }

  /** The first row beyond a hole that begins after `afterSeq`; undefined where none can be read. */
  #nextReadable(lane: Lane, afterSeq: number): number | undefined {
    const probe = this.#db
      .prepare<[number], Row>(`SELECT * FROM ${lane} WHERE seq > ? ORDER BY seq LIMIT 1`)
      .raw()
    const at = (seq: number) => this.#try(() => (probe.get(seq) as Row | undefined)?.[0])
    let bad = afterSeq
    let good: number | undefined
    for (let step = 1; good === undefined; step *= 2) {
      if (afterSeq + step > Number.MAX_SAFE_INTEGER / 2) return undefined
      good = at(afterSeq + step)
      if (good === undefined) bad = afterSeq + step
      else good = afterSeq + step
    }
    while (good - bad > 1) {
      const middle = Math.floor((good + bad) / 2)
      if (at(middle) === undefined) bad = middle
      else good = middle
    }
    return at(good)
  }

  #lastSeq(lane: Lane): number {
    const last = () => this.#db.prepare(`SELECT max(seq) FROM ${lane}`).pluck().get()
    return Number(this.#try(last) ?? 0)
  }

  /** A row as a record; undefined where it is none. */
  #record(lane: Lane, row: Row): SalvagedRecord | undefined {
    const [seq, back, kind, boot, clock, timeUs, monoUs, payload] = row
    const clockState = CLOCKS[clock]
    if (!clockState || !Buffer.isBuffer(payload) || !(back > 0 && back <= seq)) return undefined
    const [type, contentType] = this.#kinds.get(kind) ?? LOST_KIND
    const record = { lane, seq, type, contentType, clock: clockState, timeUs, monoUs }
    const bootId = this.#boots.get(boot)?.[0] ?? LOST_BOOT
    if (contentType !== JSON_TYPE) return { ...record, bootId, payload }
    if (!isJson(payload)) return undefined
    return { ...record, bootId, payload: type === LEDGER_TYPE ? this.#dated(payload) : payload }
  }

  /** The entries of a ledger record that mean its own epoch must say so under another one. */
  #dated(payload: Uint8Array): Buffer {
    const entries = parseLedger(payload).map((entry) => ({ epoch: this.epoch, ...entry }))
    return Buffer.from(JSON.stringify({ entries }))
  }

  #words(sql: string): Map<number, readonly string[]> {
    const words = new Map<number, readonly string[]>()
    this.#try(() => {
      for (const [id, ...rest] of this.#db.prepare(sql).raw().iterate() as Iterable<
        [number, ...string[]]
      >)
        words.set(id, rest)
    })
    return words
  }

  #try<T>(work: () => T): T | undefined {
    try {
      return work()
    } catch {
      return undefined
    }
  }
}

function isJson(payload: Buffer): boolean {
  try {
    JSON.parse(payload.toString())
    return true
  } catch {
    return false
  }
}

/** Offsets in the database header (SQLite file format, section 1.3). */
const AT = { fileFormat: 18, pages: 28 } as const

/** Gives a file whose first page is lost the one of a new outbox: roots lie at the same pages. */
function writeFirstPage(file: string): void {
  const page = emptyOutbox().subarray(0, PAGE_BYTES)
  const fd = openSync(file, 'r+')
  try {
    page.writeUInt8(2, AT.fileFormat)
    page.writeUInt8(2, AT.fileFormat + 1)
    page.writeUInt32BE(Math.max(1, Math.floor(fstatSync(fd).size / PAGE_BYTES)), AT.pages)
    writeSync(fd, page, 0, page.length, 0)
  } finally {
    closeSync(fd)
  }
}
