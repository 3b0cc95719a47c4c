import type { Database } from 'better-sqlite3'
import { SyncError } from '../errors.ts'
import type { ClockState, Lane, NewRecord, StoredRecord } from '../record.ts'
import { type Counters, copyCounters, counterWriter, loadCounters } from './counters.ts'
import { Dictionary } from './dictionary.ts'
import { outboxFault } from './faults.ts'
import { type Extent, LaneTable, type Row } from './lane-table.ts'
import type { Space } from './space.ts'
import { UnsyncedMark } from './unsynced.ts'

export const CLOCKS: readonly ClockState[] = ['synced', 'repaired', 'unsynced']
export const JSON_TYPE = 'application/json'

/** A record to be kept; one that was salvaged comes from a boot of its own. */
export interface KeptRecord extends NewRecord {
  readonly bootId?: string
}

/**
 * The rows of an outbox and the counters that go with them. Everything that changes rows runs inside
 * `transact`, which puts the counters back where the rows went back.
 */
export class Shelf {
  readonly db: Database
  readonly tables: Record<Lane, LaneTable>
  readonly kinds: Dictionary
  readonly boots: Dictionary
  /** Of this run. */
  readonly bootId: string
  readonly unsynced: UnsyncedMark
  readonly #path: string
  readonly #space: Space
  readonly #writeCounters: (counters: Counters) => void
  counters: Counters
  /** How far wall time was trusted in the record that came last. */
  clockState: ClockState = 'unsynced'
  /** The last ledger record of this run, as long as it can be folded into a newer one. */
  ledgerSeq = 0

  constructor(db: Database, path: string, space: Space, bootId: string) {
    this.db = db
    this.#path = path
    this.#space = space
    this.bootId = bootId
    this.unsynced = new UnsyncedMark(db, bootId)
    this.tables = {
      critical: new LaneTable(db, 'critical'),
      events: new LaneTable(db, 'events'),
      telemetry: new LaneTable(db, 'telemetry'),
    }
    this.kinds = new Dictionary(db, 'kind')
    this.boots = new Dictionary(db, 'boot')
    this.#writeCounters = counterWriter(db)
    this.counters = loadCounters(db, this.tables)
  }

  /** Gives a record its `seq`; keeps it, unless it is refused. */
  insert(record: KeptRecord, payload: Uint8Array, refused = false): void {
    const seq = ++this.counters.seq
    const lane = this.counters.lanes[record.lane]
    const back = seq - lane.lastSeq
    lane.lastSeq = seq
    if (refused) return
    this.clockState = record.clock
    this.tables[record.lane].insert(
      seq,
      back,
      this.kinds.id(record.type, record.contentType ?? JSON_TYPE),
      this.boots.id(record.bootId ?? this.bootId),
      CLOCKS.indexOf(record.clock),
      Math.round(record.timeUs),
      Math.round(record.monoUs),
      payload,
    )
    lane.records++
    lane.bytes += payload.length
    if (record.clock === 'unsynced' && record.bootId === undefined) this.unsynced.note(seq)
  }

  record(lane: Lane, row: Row): StoredRecord {
    const [seq, back, kind, boot, clock, timeUs, monoUs, payload] = row
    const [type, contentType] = this.kinds.words(kind)
    const [bootId] = this.boots.words(boot)
    return {
      lane,
      seq,
      prev: seq - back,
      type,
      timeUs,
      monoUs,
      bootId,
      clock: CLOCKS[clock],
      contentType,
      payload,
    }
  }

  /** The last `seq` of a lane that nobody may touch: acknowledged, or perhaps on its way. */
  busySeq(lane: Lane): number {
    const { ackedSeq, heldSeq } = this.counters.lanes[lane]
    return Math.max(ackedSeq, heldSeq)
  }

  /** Deletes the rows after one `seq` up to and with another; how many they are, the caller knows. */
  delete(lane: Lane, afterSeq: number, lastSeq: number, { records, bytes }: Extent): void {
    this.tables[lane].delete(afterSeq, lastSeq)
    this.counters.lanes[lane].records -= records
    this.counters.lanes[lane].bytes -= bytes
    this.mark()
  }

  /** Deletes what the other side has; answers how many. */
  deleteAcked(lane: Lane): number {
    const counters = this.counters.lanes[lane]
    counters.ackedRecords = counters.ackedBytes = 0
    counters.releasedSeq = Math.max(counters.releasedSeq, counters.ackedSeq)
    if (counters.records === 0 || counters.ackedSeq === 0) return 0
    const extent = this.tables[lane].extent(0, counters.ackedSeq)
    if (extent.records === 0) return 0
    // An empty lane is emptied page by page, not row by row.
    if (counters.ackedSeq >= counters.lastSeq) this.tables[lane].clear()
    this.delete(lane, 0, counters.ackedSeq, extent)
    return extent.records
  }

  /** The last `seq` of a lane that the other side is known to have had, also before this run. */
  deliveredSeq(lane: Lane): number {
    const { ackedSeq, releasedSeq } = this.counters.lanes[lane]
    return Math.max(ackedSeq, releasedSeq)
  }

  /** The other side says that it has this lane up to here, whatever it said before. */
  believe(lane: Lane, seq: number): void {
    this.counters.lanes[lane].ackedSeq = this.counters.lanes[lane].releasedSeq = seq
  }

  /** The other side has none of these: they go under a new epoch. */
  forgetPositions(): void {
    const none = { ackedSeq: 0, ackedRecords: 0, ackedBytes: 0, heldSeq: 0, releasedSeq: 0 }
    for (const lane of Object.values(this.counters.lanes)) Object.assign(lane, none)
    this.mark()
  }

  /** Writes the counters down: at the latest when rows go that they were counted from. */
  mark(): void {
    this.#writeCounters(this.counters)
  }

  /** The same before the file is closed, where the disk lets it: else they are counted at the next start. */
  markAtEnd(): void {
    try {
      if (this.db.open) this.transact(() => this.mark())
    } catch {
      // What was committed is committed.
    }
  }

  /**
   * Runs a transaction; what failed leaves counters and dictionaries as they were. On a full disk
   * there may still be room inside the log, once it is folded into the database.
   */
  transact<T>(work: () => T): T {
    try {
      return this.#once(work)
    } catch (error) {
      if (!(error instanceof SyncError) || error.code !== 'OUTBOX_FULL') throw error
      this.#space.foldLog()
      try {
        return this.#once(work)
      } catch (again) {
        if (!this.#once(() => this.#space.reserve.spend())) throw again
        return this.#once(work)
      }
    }
  }

  /** Runs something that only reads, and names what goes wrong. */
  guard<T>(work: () => T): T {
    if (!this.db.open) throw new SyncError('OUTBOX_CLOSED', `outbox ${this.#path} is closed`)
    try {
      return work()
    } catch (error) {
      throw outboxFault(error, this.#path)
    }
  }

  #once<T>(work: () => T): T {
    return this.guard(() => {
      const { ledgerSeq } = this
      const counters = copyCounters(this.counters)
      try {
        return this.db.transaction(work).immediate()
      } catch (error) {
        this.counters = counters
        this.ledgerSeq = ledgerSeq
        this.kinds.reload()
        this.boots.reload()
        this.unsynced.reload()
        throw error
      }
    })
  }
}
