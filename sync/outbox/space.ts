import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Database, Statement } from 'better-sqlite3'
import { PAGE_BYTES } from './database.ts'
import { Demand } from './demand.ts'
import { type OutboxLimits, walBytes } from './limits.ts'
import { Reserve } from './reserve.ts'
import { sizeOf } from './size-of.ts'

/** A row beside its payload: row id, header, eight columns, its cell pointer, page fill. */
const ROW_BYTES = 40
/** Kept between what eviction aims at and what SQLite refuses: ledger, dictionaries, page fill. */
const MARGIN = 0.03
/** The same on a disk that is full, where one page too many would have no place. */
const NARROW_MARGIN_BYTES = 8 * PAGE_BYTES
/** Never reserve more of a small disk than this part of it. */
const LARGEST_RESERVE = 1 / 16
/** Bytes of file for a byte of payload, and for whatever else a transaction touches. */
const AHEAD = 1.25
const AHEAD_BYTES = 32 * PAGE_BYTES
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
  readonly #maxPages: number
  readonly reserve: Reserve
  /** By how much the file may grow, as the disk was when it was last looked at. */
  #growthBytes = 0
  #narrow = false
  #looked = false
  #diskBytes = 0
  readonly demand = new Demand()

  constructor(db: Database, path: string, limits: OutboxLimits) {
    this.#db = db
    this.#folder = dirname(path)
    this.#path = path
    this.#walPath = `${path}-wal`
    this.#limits = limits
    this.#maxPages = Math.floor((limits.maxBytes - 2 * walBytes(limits)) / PAGE_BYTES)
    this.reserve = new Reserve(db, path, limits)
    this.#pages = db.prepare('PRAGMA page_count').pluck() as never
    this.#freePages = db.prepare('PRAGMA freelist_count').pluck() as never
  }

  /** What a record of so many bytes will take on the disk. */
  bytesOf(payloadBytes: number): number {
    return payloadBytes + ROW_BYTES
  }

  /** The disk has no room to grow into: the outbox lives in what it owns. */
  get narrow(): boolean {
    return this.#narrow
  }

  /**
   * Looks at the disk before a transaction of so many bytes, and gets the room that it may need. Where
   * there is none, the outbox keeps to the pages that it has, and folds the log in each time.
   */
  look(bytes: number): void {
    const disk = statfsSync(this.#folder)
    this.#diskBytes = disk.blocks * disk.bsize
    const reserve =
      Math.min(this.#limits.minFreeDiskBytes, this.#diskBytes * LARGEST_RESERVE) +
      Math.max(0, 2 * walBytes(this.#limits) - sizeOf(this.#walPath))
    this.#growthBytes = Math.max(0, disk.bavail * disk.bsize - reserve)
    this.reserve.reachLog()
    const end = this.#pages.get()! * PAGE_BYTES + bytes * AHEAD + AHEAD_BYTES
    if (this.#growthBytes > 0 && !this.reserve.reach(end)) this.#growthBytes = 0
    const narrow = this.#growthBytes === 0
    if (narrow) this.foldLog()
    if (narrow || this.#narrow) this.#fence(narrow)
    this.#narrow = narrow
    if (this.#looked) return
    this.#looked = true
    while (this.#addToReserve());
  }

  /** Bytes that the file should own, whatever is in it. */
  #wantedBytes(): number {
    return this.reserve.wantedBytes(this.#diskBytes, this.demand.bytesPerSec())
  }

  /** One row more, where one is wanted and there is room; false where not. */
  #addToReserve(): boolean {
    const fileBytes = this.#pages.get()! * PAGE_BYTES
    if (this.#narrow || !this.reserve.lacks(fileBytes, this.#wantedBytes())) return false
    if (this.room().freeBytes() < 4 * this.reserve.rowBytes) return false
    this.#db.transaction(() => this.reserve.put()).immediate()
    return true
  }

  /** SQLite itself refuses what would need a page that the file has no block for. */
  #fence(narrow: boolean): void {
    const pages = narrow ? Math.floor(sizeOf(this.#path) / PAGE_BYTES) : this.#maxPages
    this.#db.pragma(`max_page_count = ${pages}`)
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
    if (this.#narrow) return Math.min(cap, sizeOf(this.#path) - NARROW_MARGIN_BYTES)
    return Math.min(cap, this.#pages.get()! * PAGE_BYTES + this.#growthBytes)
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
    if (this.#narrow) return
    this.#addToReserve()
    const free = this.#freePages.get()!
    const pages = this.#pages.get()!
    if (free * PAGE_BYTES < GIVE_BACK_BYTES || free < pages * GIVE_BACK_PART) return
    const spare = pages - Math.ceil(this.#wantedBytes() / PAGE_BYTES)
    if (spare <= 0) return
    this.#db.pragma(`incremental_vacuum(${Math.min(spare, GIVE_BACK_PAGES)})`)
    this.#db.pragma('wal_checkpoint(TRUNCATE)')
  }
}
