import { closeSync, openSync } from 'node:fs'
import type { Database, Statement } from 'better-sqlite3'
import { allocate } from './allocate.ts'
import { type OutboxLimits, walBytes } from './limits.ts'
import { sizeOf } from './size-of.ts'

/** The file grows ahead of what is written by such steps. */
const AHEAD_BYTES = 256 * 1024
/** Kept in the log's file, also when it is empty: room for a transaction with the largest record. */
const LOG_BYTES = 1_310_720
/** Kept inside the database for `critical` and the ledger: so much, or this part of a small cap. */
const INNER_BYTES = 1024 ** 2
const INNER_PART = 1 / 16

/**
 * Room that the outbox owns already, so that it lives on when others take the last byte of the disk:
 * blocks ahead of the database's end, blocks of the log, and a row of zeros inside the database that
 * gives its pages to `critical` at the last. Every page that the log holds has a place in the
 * database's file, so the log can always be folded in and begun anew.
 */
export class Reserve {
  readonly #path: string
  readonly #walPath: string
  readonly #maxFileBytes: number
  readonly #logBytes: number
  readonly #innerBytes: number
  readonly #has: Statement<[], number>
  readonly #put: Statement<[number]>
  readonly #drop: Statement<[]>
  /** Open as long as the database: closing it would let go of SQLite's lock (fcntl(2)). */
  #file: number | undefined

  constructor(db: Database, path: string, limits: OutboxLimits) {
    this.#path = path
    this.#walPath = `${path}-wal`
    this.#maxFileBytes = limits.maxBytes - 2 * walBytes(limits)
    this.#logBytes = Math.min(walBytes(limits), LOG_BYTES)
    this.#innerBytes = Math.min(INNER_BYTES, Math.floor(limits.maxBytes * INNER_PART))
    db.exec('CREATE TABLE IF NOT EXISTS reserve (id INTEGER PRIMARY KEY, filler BLOB) STRICT')
    this.#has = db.prepare('SELECT count(*) FROM reserve').pluck() as never
    this.#put = db.prepare('INSERT INTO reserve VALUES (1, zeroblob(?))')
    this.#drop = db.prepare('DELETE FROM reserve')
  }

  get innerBytes(): number {
    return this.#innerBytes
  }

  /** Whether the row of zeros is there. */
  get whole(): boolean {
    return this.#has.get() === 1
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

  /** Puts the row back; belongs into a transaction of its own. */
  put(): void {
    this.#put.run(this.#innerBytes)
  }

  /** Gives the row's pages to who needs them; false where they are given already. */
  spend(): boolean {
    return this.#drop.run().changes > 0
  }

  /** To be called after the database was closed. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }
}
