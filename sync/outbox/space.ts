import { statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Database, Statement } from 'better-sqlite3'
import { PAGE_BYTES } from './database.ts'
import { type OutboxLimits, walBytes } from './limits.ts'

/** A row beside its payload: row id, header, eight columns, its cell pointer, page fill. */
const ROW_BYTES = 40
/** Kept between what eviction aims at and what SQLite refuses: ledger, dictionaries, page fill. */
const MARGIN = 0.03
/** The same on a disk that is full, where one page too many would have no place. */
const NARROW_MARGIN_BYTES = 8 * PAGE_BYTES
/** Never reserve more of a small disk than this part of it. */
const LARGEST_RESERVE = 1 / 16
/** Free pages are given back when they are so much of the file, and so many bytes. */
const GIVE_BACK_PART = 0.25
const GIVE_BACK_BYTES = 1024 ** 2
/** Pages given back in one step: some milliseconds of work. */
const GIVE_BACK_PAGES = 1024

/** Room for new records at one instant. */
export interface Room {
  freeBytes(): number
  /** What to evict beyond the need. */
  readonly slackBytes: number
}

/** How many bytes the outbox may take, and how many it takes. */
export class Space {
  readonly #db: Database
  readonly #folder: string
  readonly #path: string
  readonly #walPath: string
  readonly #limits: OutboxLimits
  readonly #pages: Statement<[], number>
  readonly #freePages: Statement<[], number>
  /** By how much the file may grow, as the disk was when it was last looked at. */
  #growthBytes = 0

  constructor(db: Database, path: string, limits: OutboxLimits) {
    this.#db = db
    this.#folder = dirname(path)
    this.#path = path
    this.#walPath = `${path}-wal`
    this.#limits = limits
    this.#pages = db.prepare('PRAGMA page_count').pluck() as never
    this.#freePages = db.prepare('PRAGMA freelist_count').pluck() as never
  }

  /** What a record of so many bytes will take on the disk. */
  bytesOf(payloadBytes: number): number {
    return payloadBytes + ROW_BYTES
  }

  /**
   * Looks at the disk; to be called before a transaction. Where it gets narrow, the pages that are
   * only in the log are written to their places as long as there is room for them.
   */
  look(): void {
    const disk = statfsSync(this.#folder)
    const reserve =
      Math.min(this.#limits.minFreeDiskBytes, disk.blocks * disk.bsize * LARGEST_RESERVE) +
      Math.max(0, 2 * walBytes(this.#limits) - sizeOf(this.#walPath))
    this.#growthBytes = Math.max(0, disk.bavail * disk.bsize - reserve)
    if (this.#growthBytes === 0 && this.#pages.get()! * PAGE_BYTES > sizeOf(this.#path)) {
      this.foldLog()
    }
  }

  /** Room for records in the transaction that begins. */
  room(): Room {
    const budget = this.#budgetBytes()
    return {
      freeBytes: () => budget - (this.#pages.get()! - this.#freePages.get()!) * PAGE_BYTES,
      slackBytes: Math.max(16 * PAGE_BYTES, Math.floor(budget / 64)),
    }
  }

  /**
   * The configured cap less twice the log; on a disk that others fill, what the file has already:
   * pages freed inside it can be written again when no new one can be had.
   */
  #budgetBytes(): number {
    const cap = (this.#limits.maxBytes - 2 * walBytes(this.#limits)) * (1 - MARGIN)
    const growth = this.#growthBytes || -NARROW_MARGIN_BYTES
    return Math.min(cap, this.#pages.get()! * PAGE_BYTES + growth)
  }

  /** Writes the log's pages to their places, so that it may begin anew. */
  foldLog(): void {
    try {
      this.#db.pragma('wal_checkpoint(PASSIVE)')
    } catch {
      // No room for it: what is in the log stays there, and the next commit says what is wrong.
    }
  }

  /** Moves free pages to the end of the file and cuts them off, one step of it, where it is worth it. */
  giveBack(): void {
    const free = this.#freePages.get()!
    if (free * PAGE_BYTES < GIVE_BACK_BYTES || free < this.#pages.get()! * GIVE_BACK_PART) return
    this.#db.pragma(`incremental_vacuum(${GIVE_BACK_PAGES})`)
    this.#db.pragma('wal_checkpoint(TRUNCATE)')
  }
}

/** Bytes of a file, 0 where there is none. */
export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
