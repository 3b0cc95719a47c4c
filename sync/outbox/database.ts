import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Database } from 'better-sqlite3'
import type { Key } from './key.ts'
import { openSqlite } from './sqlite.ts'

export type { Database } from 'better-sqlite3'

/** Bytes of a database page: what a flash page, an ext4 block and SQLite's default agree on. */
export const PAGE_BYTES = 4096

/** What SQLite answers for `auto_vacuum = INCREMENTAL`. */
const INCREMENTAL = 2

/** Half a second at most for the lock of a process that is just ending. */
const LOCK_WAIT_MS = 500

/** How a file of this room is opened. */
export interface FileOptions {
  /** The write-ahead log is folded into the database at this size. */
  readonly walBytes: number
  /** The database alone never grows beyond this. */
  readonly maxFileBytes: number
  /**
   * `true`: held by this process until it ends, however it ends, and without a shared-memory file.
   * `false`: another process may write between two transactions.
   */
  readonly exclusive: boolean
  /** Where the file is encrypted. */
  readonly key?: Key
}

/** Opens or makes a database whose commits survive a power cut; its folder is made. */
export function openFile(path: string, options: FileOptions): Database {
  mkdirSync(dirname(path), { recursive: true })
  const db = openSqlite(path, options.key, { timeout: LOCK_WAIT_MS })
  try {
    if (options.exclusive) db.pragma('locking_mode = EXCLUSIVE')
    db.pragma(`page_size = ${PAGE_BYTES}`)
    if (db.pragma('auto_vacuum', { simple: true }) !== INCREMENTAL) {
      // Only where it is new: SQLite writes a page for it each time, for which a full disk has no place.
      db.pragma('auto_vacuum = INCREMENTAL')
    }
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.pragma(`wal_autocheckpoint = ${Math.ceil(options.walBytes / PAGE_BYTES)}`)
    db.pragma('temp_store = MEMORY')
    db.pragma('cache_size = -4096')
    db.pragma(`max_page_count = ${Math.floor(options.maxFileBytes / PAGE_BYTES)}`)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** SQLite syncs the file, not the folder that names it. */
export function syncFolder(path: string): void {
  const folder = openSync(dirname(path), 'r')
  fsyncSync(folder)
  closeSync(folder)
}
