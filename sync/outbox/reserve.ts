import { closeSync, openSync } from 'node:fs'
import type { Database, Statement } from 'better-sqlite3'
import { allocate } from './allocate.ts'
import { type OutboxLimits, walBytes } from './limits.ts'
import { sizeOf } from './size-of.ts'

/** The file grows ahead of what is written by such steps. */
const AHEAD_BYTES = 256 * 1024
/** Kept in the log's file, also when it is empty: room for a transaction with the largest record. */
const LOG_BYTES = 1_310_720
/** Rows that are kept for `critical` and the ledger alone, and bytes of zeros in each. */
const LEAST_ROWS = 2
const ROW_BYTES = 512 * 1024
/** The least that the file owns is a part of a small cap, and of a small disk. */
const LEAST_PART = 1 / 16
/** It owns enough for `critical` to go on for so long at the rate at which it comes, */
const HOLD_SEC = 3600
/** but no more than this part of the cap, and of the disk. */
const MOST_PART = 1 / 4

/**
 * Room that the outbox owns already, so that it lives on when others take the last byte of the disk:
 * blocks ahead of the database's end, blocks of the log, and rows of zeros inside the database. They
 * bring a young file up to the size that `critical` may need (lower lanes give way inside it), and the
 * last of them give their pages to `critical` alone. Every page that the log holds has a place in the
 * database's file, so the log can always be folded in and begun anew.
 */
export class Reserve {
  readonly #path: string
  readonly #walPath: string
  readonly #maxFileBytes: number
  readonly #logBytes: number
  readonly #limits: OutboxLimits
  readonly #rowBytes: number
  readonly #has: Statement<[], number>
  readonly #put: Statement<[number]>
  #rows: number
  readonly #drop: Statement<[]>
  /** Open as long as the database: closing it would let go of SQLite's lock (fcntl(2)). */
  #file: number | undefined

  constructor(db: Database, path: string, limits: OutboxLimits) {
    this.#path = path
    this.#walPath = `${path}-wal`
    this.#maxFileBytes = limits.maxBytes - 2 * walBytes(limits)
    this.#logBytes = Math.min(walBytes(limits), LOG_BYTES)
    this.#limits = limits
    this.#rowBytes = Math.min(ROW_BYTES, Math.floor((limits.maxBytes * LEAST_PART) / LEAST_ROWS))
    db.exec('CREATE TABLE IF NOT EXISTS reserve (id INTEGER PRIMARY KEY, filler BLOB) STRICT')
    this.#has = db.prepare('SELECT count(*) FROM reserve').pluck() as never
    this.#put = db.prepare('INSERT INTO reserve VALUES (NULL, zeroblob(?))')
    this.#drop = db.prepare('DELETE FROM reserve WHERE id = (SELECT max(id) FROM reserve)')
    this.#rows = this.#has.get() ?? 0
  }

  /** Bytes of one row: what `put` takes, and `spend` gives. */
  get rowBytes(): number {
    return this.#rowBytes
  }

  /** Bytes that the file should own on a disk of so many, where `critical` comes at such a rate. */
  wantedBytes(diskBytes: number, bytesPerSec: number): number {
    const { maxBytes, reserveBytes } = this.#limits
    const most = MOST_PART * Math.min(maxBytes, diskBytes)
    const least = Math.min(reserveBytes, maxBytes * LEAST_PART, diskBytes * LEAST_PART * 2)
    return Math.max(least, Math.min(most, bytesPerSec * HOLD_SEC))
  }

  /** Whether a file of so many bytes is in want of another row. */
  lacks(fileBytes: number, wantedBytes: number): boolean {
    return this.#rows < LEAST_ROWS || fileBytes < wantedBytes
  }

  /** Makes the database's file at least so long, with blocks of its own; false where none are left. */
  reach(bytes: number): boolean {
    const size = sizeOf(this.#path)
    if (size >= bytes) return true
    const end = Math.min(this.#maxFileBytes, Math.max(bytes, size + AHEAD_BYTES))
    if (end <= size) return true
    this.#file ??= openSync(this.#path, 'r+')
    return allocate(this.#file, size, end - size)
  }

  /** Sees to it that the log's file has its blocks. */
  reachLog(): void {
    const size = sizeOf(this.#walPath)
    if (size === 0 || size >= this.#logBytes) return
    const file = openSync(this.#walPath, 'r+')
    try {
      allocate(file, size, this.#logBytes - size)
    } finally {
      closeSync(file)
    }
  }

  /** Puts a row in; belongs into a transaction of its own. */
  put(): void {
    this.#put.run(this.#rowBytes)
    this.#rows = this.#has.get() ?? 0
  }

  /** Gives a row's pages to who needs them; false where all are given already. */
  spend(): boolean {
    const { changes } = this.#drop.run()
    // What a transaction that fails puts back is counted again by the next `put`.
    this.#rows = Math.max(0, this.#rows - changes)
    return changes > 0
  }

  /** To be called after the database was closed. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }
}
