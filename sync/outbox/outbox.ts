import type { Database } from 'better-sqlite3'
import { SyncError } from '../errors.ts'
import { type LedgerEntry, renewalEntries } from '../ledger.ts'
import { LANES, type Lane, type NewRecord, type StoredRecord } from '../record.ts'
import type { Positions } from '../uplink.ts'
import { Book } from './book.ts'
import { Eviction } from './eviction.ts'
import { outboxFault } from './faults.ts'
import { Graveyard } from './graveyard.ts'
import { stampKey } from './key.ts'
import { LaneBounds } from './lane-bounds.ts'
import { type OutboxLimits, transactionBytes } from './limits.ts'
import {
  type OpenOptions,
  type OutboxOptions,
  openOptions,
  payloadOf,
  systemClock,
} from './options.ts'
import { type Quarantined, quarantine } from './quarantine.ts'
import { SALVAGE_MS, Salvager } from './salvager.ts'
import { newEpoch, openDatabase } from './schema.ts'
import { type KeptRecord, Shelf } from './shelf.ts'
import { Space } from './space.ts'
import { fileStat, type OutboxStat, shelfStat } from './stat.ts'
import { surrender } from './surrender.ts'
import { repairTimes } from './time-repair.ts'

/** Counters are written down with every delete, and at the latest after so many records. */
const MARK_EVERY_RECORDS = 10_000

/**
 * The SQLite file that holds records until the other side has them. Synchronous: it belongs into a
 * thread that may wait for a disk. Every method throws a `SyncError` `OUTBOX_*` where the disk or the
 * file is at fault; nothing of the failed call is then kept, and the next call may try again.
 */
export class Outbox {
  readonly path: string
  readonly vehicle: string
  /** The file that was found corrupt when this one was opened. */
  readonly quarantined: Quarantined | undefined
  readonly #db: Database
  readonly #limits: OutboxLimits
  readonly #space: Space
  readonly #shelf: Shelf
  readonly #book: Book
  readonly #eviction: Eviction
  readonly #bounds: LaneBounds
  readonly #dead: Graveyard
  readonly #salvager: Salvager
  #epoch: string

  /**
   * Opens the file, or makes it. A corrupt one is put aside and told in the ledger. Throws
   * `OUTBOX_LOCKED` where another process has it, `OUTBOX_FOREIGN` where it belongs to another
   * vehicle, `OUTBOX_FULL` or `OUTBOX_READONLY` where the disk does not play along.
   */
  static open(options: OutboxOptions): Outbox {
    const at = openOptions(options)
    try {
      return new Outbox(at)
    } catch (error) {
      const fault = outboxFault(error, options.path)
      const corrupt = fault instanceof SyncError && fault.code === 'OUTBOX_CORRUPT'
      if (!corrupt || at.putAside === false) throw fault
      return Outbox.#openAfterCorruption(at, fault)
    }
  }

  static #openAfterCorruption(options: OpenOptions, fault: SyncError) {
    try {
      const { path, key, limits } = options
      const aside = quarantine(path, limits.maxQuarantinedFiles, key)
      const outbox = new Outbox(options, aside)
      const { epoch, file } = aside
      const detail = `${fault.message}; put aside as ${file}`
      const told: LedgerEntry = { cause: 'corrupt', lane: null, epoch, count: null, detail }
      outbox.#keep([], [told], () => outbox.#salvager.begin(file, epoch))
      return outbox
    } catch (error) {
      throw outboxFault(error, options.path)
    }
  }

  private constructor(options: OpenOptions, aside?: Quarantined) {
    const { limits, key } = options
    this.path = options.path
    this.vehicle = options.vehicle
    this.quarantined = aside
    this.#limits = limits
    const { db, epoch } = openDatabase(options.path, options.vehicle, limits, key)
    this.#db = db
    this.#epoch = epoch
    try {
      this.#space = new Space(db, options.path, limits)
      this.#shelf = new Shelf(db, options.path, this.#space, options.bootId)
      const clock = options.clock ?? systemClock
      this.#book = new Book(this.#shelf, clock)
      const bounds = { clock, limits, bootId: options.bootId }
      this.#bounds = new LaneBounds(this.#shelf, this.#space, this.#book, bounds)
      this.#eviction = new Eviction(this.#shelf, this.#space, this.#book, this.#bounds)
      this.#dead = new Graveyard(this.#shelf, this.#book, limits.maxDeadRecords)
      this.#salvager = new Salvager(db, (...given) => this.#keep(...given), key)
      if (key) stampKey(options.path, key)
    } catch (error) {
      db.close()
      throw error
    }
  }

  /** Random, born with the file; another one after `renewEpoch`. */
  get epoch(): string {
    return this.#epoch
  }

  /** The last `seq` given. */
  get seq(): number {
    return this.#shelf.counters.seq
  }

  /** The last `seq` given in this lane, 0 before the first. */
  lastSeq(lane: Lane): number {
    return this.#shelf.counters.lanes[lane].lastSeq
  }

  /** The last `seq` of this lane that the other side is known to have had, also before this run. */
  deliveredSeq(lane: Lane): number {
    return this.#shelf.deliveredSeq(lane)
  }

  /** Records of this lane that are not acknowledged. */
  waiting(lane: Lane): number {
    const { records, ackedRecords } = this.#shelf.counters.lanes[lane]
    return records - ackedRecords
  }

  /**
   * Keeps these records, and a ledger record of these losses, in one transaction; when it returns,
   * they are on the disk. Where there is no room, older or less important ones give way, and at last
   * the new ones themselves: those have a `seq` and stand in the ledger, but are not kept. Throws
   * `RECORD_INVALID`, with nothing kept, where one is no record or all are too much for one
   * transaction.
   */
  append(records: readonly NewRecord[], losses: readonly LedgerEntry[] = []) {
    return this.#keep(records, losses)
  }

  #keep(
    records: readonly KeptRecord[],
    losses: readonly LedgerEntry[],
    also?: () => void,
  ): { first: number; last: number } {
    const payloads = records.map((record) => payloadOf(record, this.#limits))
    const bytes = payloads.reduce((sum, { length }) => sum + length, 0)
    if (bytes > transactionBytes(this.#limits)) {
      throw new SyncError('RECORD_INVALID', `${bytes} bytes are too much for one transaction`)
    }
    this.#shelf.guard(() => this.#space.look(bytes))
    return this.#shelf.transact(() => {
      const first = this.#shelf.counters.seq + 1
      const entries = [...losses]
      const refused = this.#eviction.makeRoom(records, payloads, entries)
      for (let i = 0; i < records.length; i++) {
        this.#shelf.insert(records[i], payloads[i], refused.has(records[i].lane))
      }
      this.#eviction.tellRefused(records, first, refused, entries)
      const last = this.#shelf.counters.seq
      if (entries.length > 0) this.#book.tell(entries)
      else if (last - this.#shelf.counters.markedSeq >= MARK_EVERY_RECORDS) this.#shelf.mark()
      also?.()
      return { first, last }
    })
  }

  /** Records of a lane after this `seq`, in order, as many as fit; always one if there is one. */
  read(lane: Lane, afterSeq: number, maxRecords: number, maxBytes: number): StoredRecord[] {
    return this.#shelf.guard(() =>
      this.#shelf.tables[lane]
        .read(afterSeq, maxRecords, maxBytes)
        .map((row) => this.#shelf.record(lane, row)),
    )
  }

  /** Records up to these positions may be on their way: eviction and time repair leave them alone. */
  hold(positions: Positions): void {
    for (const lane of LANES) this.#shelf.counters.lanes[lane].heldSeq = positions[lane]
  }

  /**
   * The other side has these records, which must be the ones that follow what it had. They stay in
   * the file, for the flash's sake, until `release` deletes many at once or room is needed.
   */
  acknowledge(records: readonly StoredRecord[]): void {
    for (const { lane, seq, payload } of records) {
      const counters = this.#shelf.counters.lanes[lane]
      counters.ackedSeq = seq
      counters.ackedRecords++
      counters.ackedBytes += payload.length
    }
  }

  /** Records acknowledged and not yet deleted. */
  get unreleased(): number {
    return LANES.reduce((sum, lane) => sum + this.#shelf.counters.lanes[lane].ackedRecords, 0)
  }

  /** Deletes what the other side has: up to these positions, or all that was acknowledged. */
  release(positions?: Positions): void {
    this.#shelf.transact(() => {
      for (const lane of LANES) {
        if (positions) this.#shelf.believe(lane, positions[lane])
        this.#shelf.deleteAcked(lane)
      }
    })
  }

  /**
   * Takes a record that the other side refuses out of the way, into the table of dead records, and
   * says so in the ledger.
   */
  bury({ lane, seq }: Pick<StoredRecord, 'lane' | 'seq'>, reason: string): void {
    this.#shelf.transact(() => this.#dead.bury(lane, seq, reason))
  }

  /**
   * Gives waiting records of this boot, also of earlier runs in it, a wall time: monotonic plus offset,
   * now that the clock is known. Only those that said `unsynced` and are not on their way. Says how many.
   */
  repairTimes(bootId: string, offsetUs: number): number {
    return repairTimes(this.#shelf, bootId, offsetUs)
  }

  /** A new epoch for the records that are here: the other side has seen their numbers on others. */
  renewEpoch(detail: string): void {
    const [before, after] = [this.#epoch, newEpoch()]
    this.#shelf.transact(() => {
      this.#db.prepare("UPDATE meta SET value = ? WHERE key = 'epoch'").run(after)
      this.#book.tell(renewalEntries(before, this.#shelf.counters, detail))
      this.#shelf.forgetPositions()
    })
    this.#epoch = after
  }

  /** The disk has no room: transactions should be small, see `NARROW_BYTES`. */
  get narrow(): boolean {
    return this.#space.narrow
  }

  /** Records of a damaged file are still being taken over. */
  get salvaging(): boolean {
    return this.#salvager.busy
  }

  /** Deletes what expired, gives free space back, salvages: a step of each; to be called each second. */
  tend(): void {
    this.#bounds.expire()
    const endMs = performance.now() + SALVAGE_MS
    while (this.#salvager.busy && performance.now() < endMs) this.#salvager.step()
    this.#shelf.guard(() => {
      if (this.#space.narrow) this.#space.look(0)
      this.#space.giveBack()
    })
  }

  /**
   * Hands all waiting records over to who calls, who has them on another disk: they leave this file,
   * and the ledger says where to.
   */
  surrender(upTo: Positions, detail: string): void {
    surrender(this.#shelf, this.#book, upTo, detail)
  }

  stat(): OutboxStat {
    const { path, vehicle, epoch } = this
    return this.#shelf.guard(() => ({
      path,
      vehicle,
      epoch,
      seq: this.seq,
      ...shelfStat(this.#shelf),
      ...fileStat(path),
      deadRecords: this.#dead.records,
      salvaging: this.salvaging,
    }))
  }

  /** Folds the log into the database and lets go of it. Never throws: there is nothing left to do. */
  close(): void {
    this.#salvager.close()
    this.#shelf.markAtEnd()
    try {
      this.#db.close()
      this.#space.reserve.close()
    } catch {
      // The process's end closes it.
    }
  }
}
