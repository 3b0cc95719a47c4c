import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Database, Statement } from 'better-sqlite3'
import { type OutboxLimits, walBytes } from './limits.ts'
import { PAGE_BYTES } from './schema.ts'

/** A row beside its payload: row id, header, eight columns, its cell pointer, page fill. */
const ROW_BYTES = 40
/** Kept between what eviction aims at and what SQLite refuses: ledger, dictionaries, page fill. */
const MARGIN = 0.03
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
  readonly #limits: OutboxLimits
  readonly #pages: Statement<[], number>
  readonly #freePages: Statement<[], number>

  constructor(db: Database, path: string, limits: OutboxLimits) {
    this.#db = db
    this.#folder = dirname(path)
    this.#limits = limits
    this.#pages = db.prepare('PRAGMA page_count').pluck() as never
    this.#freePages = db.prepare('PRAGMA freelist_count').pluck() as never
  }

  /** What a record of so many bytes will take on the disk. */
  bytesOf(payloadBytes: number): number {
    return payloadBytes + ROW_BYTES
  }

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
    const file = this.#pages.get()! * PAGE_BYTES
    const disk = statfsSync(this.#folder)
    const reserve = Math.min(
      this.#limits.minFreeDiskBytes,
      disk.blocks * disk.bsize * LARGEST_RESERVE,
    )
    return Math.min(cap, Math.max(file, file + disk.bavail * disk.bsize - reserve))
  }

  /** Moves free pages to the end of the file and cuts them off, one step of it, where it is worth it. */
  giveBack(): void {
    const free = this.#freePages.get()!
    if (free * PAGE_BYTES < GIVE_BACK_BYTES || free < this.#pages.get()! * GIVE_BACK_PART) return
    this.#db.pragma(`incremental_vacuum(${GIVE_BACK_PAGES})`)
    this.#db.pragma('wal_checkpoint(TRUNCATE)')
  }
}
