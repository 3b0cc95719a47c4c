import type { Database, Statement } from 'better-sqlite3'
import { SyncError } from '../errors.ts'
import {
  LEDGER_TYPE,
  type LedgerEntry,
  ledgerRecord,
  mergeEntries,
  parseLedger,
} from '../ledger.ts'
import { type ClockState, LANES, type Lane, type NewRecord, type StoredRecord } from '../record.ts'
import type { Positions } from '../uplink.ts'
import { type Counters, copyCounters, counterWriter, loadCounters } from './counters.ts'
import { Dictionary } from './dictionary.ts'
import { outboxFault } from './faults.ts'
import { LaneTable, type Row } from './lane-table.ts'
import {
  DEFAULT_OUTBOX_LIMITS,
  LEAST_FILE_BYTES,
  type OutboxLimits,
  recordBytes,
  transactionBytes,
} from './limits.ts'
import { type Quarantined, quarantine } from './quarantine.ts'
import { newEpoch, openDatabase } from './schema.ts'
import { Space, sizeOf } from './space.ts'

export interface OutboxOptions {
  /** The database file; its folder is made. */
  readonly path: string
  readonly vehicle: string
  /** Names this boot of the machine, so that monotonic times can be compared. */
  readonly bootId: string
  readonly limits?: Partial<OutboxLimits>
  /** Times for ledger records. */
  readonly clock?: OutboxClock
}

/** Microseconds: wall time since the epoch, and monotonic since some instant of this boot. */
export interface OutboxClock {
  nowUs(): number
  monoUs(): number
}

export interface LaneStat {
  /** Records that are not yet on the other side, and the bytes of their payloads. */
  readonly records: number
  readonly bytes: number
  /** Wall time of the oldest of them, microseconds; 0 where there is none. */
  readonly oldestTimeUs: number
  readonly lastSeq: number
  readonly ackedSeq: number
  /** Since the file was born: lost after they had a `seq`, and before they could have one. */
  readonly evicted: number
  readonly dropped: number
}

export interface OutboxStat {
  readonly path: string
  readonly vehicle: string
  readonly epoch: string
  readonly seq: number
  readonly lanes: Record<Lane, LaneStat>
  /** Database and write-ahead log as they lie on the disk. */
  readonly fileBytes: number
  readonly walBytes: number
  /** Records that the other side refused, kept for a look. */
  readonly deadRecords: number
}

/** Counters are written down with every delete, and at the latest after so many records. */
const MARK_EVERY_RECORDS = 10_000
/** Rows whose time is repaired in one transaction. */
const REPAIR_RECORDS = 5_000
/** A ledger record that has grown to so many entries is left as it is and a new one begun. */
const MAX_LEDGER_ENTRIES = 64
const CLOCKS: readonly ClockState[] = ['synced', 'repaired', 'unsynced']
const JSON_TYPE = 'application/json'

const systemClock: OutboxClock = {
  nowUs: () => Date.now() * 1000,
  monoUs: () => Number(process.hrtime.bigint() / 1000n),
}

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
  readonly #clock: OutboxClock
  readonly #bootId: string
  readonly #tables: Record<Lane, LaneTable>
  readonly #kinds: Dictionary
  readonly #boots: Dictionary
  readonly #space: Space
  readonly #mark: (counters: Counters) => void
  readonly #deadInsert: Statement
  readonly #deadTrim: Statement
  readonly #deadCount: Statement<[], number>
  readonly #ledgerIn: Statement<[number, number, number], Buffer>
  #epoch: string
  #counters: Counters
  /** How far wall time was trusted in the record that came last. */
  #clockState: ClockState = 'unsynced'
  /** The last ledger record of this run, as long as it can be folded into a newer one. */
  #ledgerSeq = 0

  /**
   * Opens the file, or makes it. A corrupt one is put aside and told in the ledger. Throws
   * `OUTBOX_LOCKED` where another process has it, `OUTBOX_FOREIGN` where it belongs to another
   * vehicle, `OUTBOX_FULL` or `OUTBOX_READONLY` where the disk does not play along.
   */
  static open(options: OutboxOptions): Outbox {
    const limits = { ...DEFAULT_OUTBOX_LIMITS, ...options.limits }
    if (!(limits.maxBytes >= LEAST_FILE_BYTES)) {
      throw new SyncError('OUTBOX_CONFIG', `an outbox of at most ${limits.maxBytes} bytes`, {
        hint: `Give it at least ${LEAST_FILE_BYTES} bytes.`,
      })
    }
    try {
      return new Outbox(options, limits, undefined)
    } catch (error) {
      const fault = outboxFault(error, options.path)
      if (!(fault instanceof SyncError) || fault.code !== 'OUTBOX_CORRUPT') throw fault
      return Outbox.#openAfterCorruption(options, limits, fault)
    }
  }

  static #openAfterCorruption(options: OutboxOptions, limits: OutboxLimits, fault: SyncError) {
    try {
      const aside = quarantine(options.path, limits.maxQuarantinedFiles)
      const outbox = new Outbox(options, limits, aside)
      const { epoch, file } = aside
      const detail = `${fault.message}; put aside as ${file}`
      outbox.append([], [{ cause: 'corrupt', lane: null, epoch, count: null, detail }])
      return outbox
    } catch (error) {
      throw outboxFault(error, options.path)
    }
  }

  private constructor(options: OutboxOptions, limits: OutboxLimits, aside?: Quarantined) {
    this.path = options.path
    this.vehicle = options.vehicle
    this.quarantined = aside
    this.#limits = limits
    this.#clock = options.clock ?? systemClock
    this.#bootId = options.bootId
    const { db, epoch } = openDatabase(options.path, options.vehicle, limits)
    this.#db = db
    this.#epoch = epoch
    try {
      this.#tables = {
        critical: new LaneTable(db, 'critical'),
        events: new LaneTable(db, 'events'),
        telemetry: new LaneTable(db, 'telemetry'),
      }
      this.#kinds = new Dictionary(db, 'kind', 2)
      this.#boots = new Dictionary(db, 'boot', 1)
      this.#space = new Space(db, options.path, limits)
      this.#mark = counterWriter(db)
      this.#deadInsert = db.prepare('INSERT INTO dead VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
      this.#deadTrim = db.prepare(
        'DELETE FROM dead WHERE seq IN (SELECT seq FROM dead ORDER BY seq DESC LIMIT -1 OFFSET ?)',
      )
      this.#deadCount = db.prepare('SELECT count(*) FROM dead').pluck() as never
      this.#ledgerIn = db
        .prepare('SELECT payload FROM critical WHERE seq > ? AND seq <= ? AND kind = ?')
        .pluck() as never
      this.#counters = loadCounters(db, this.#tables)
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
    return this.#counters.seq
  }

  /** The last `seq` given in this lane, 0 before the first. */
  lastSeq(lane: Lane): number {
    return this.#counters.lanes[lane].lastSeq
  }

  /** Records of this lane that are not acknowledged. */
  waiting(lane: Lane): number {
    const { records, ackedRecords } = this.#counters.lanes[lane]
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
    const payloads = records.map((record) => this.#checked(record))
    const bytes = payloads.reduce((sum, { length }) => sum + length, 0)
    if (bytes > transactionBytes(this.#limits)) {
      throw new SyncError('RECORD_INVALID', `${bytes} bytes are too much for one transaction`)
    }
    this.#guard(() => this.#space.look())
    return this.#transact(() => {
      const first = this.#counters.seq + 1
      const entries = [...losses]
      const refused = this.#makeRoom(records, payloads, entries)
      for (let i = 0; i < records.length; i++) {
        this.#insert(records[i], payloads[i], refused.has(records[i].lane))
      }
      this.#tellRefused(records, first, refused, entries)
      const last = this.#counters.seq
      if (entries.length > 0) this.#tell(entries)
      else if (last - this.#counters.markedSeq >= MARK_EVERY_RECORDS) this.#mark(this.#counters)
      return { first, last }
    })
  }

  /** Records of a lane after this `seq`, in order, as many as fit; always one if there is one. */
  read(lane: Lane, afterSeq: number, maxRecords: number, maxBytes: number): StoredRecord[] {
    return this.#guard(() =>
      this.#tables[lane].read(afterSeq, maxRecords, maxBytes).map((row) => this.#stored(lane, row)),
    )
  }

  /** Records up to these positions may be on their way: eviction and time repair leave them alone. */
  hold(positions: Positions): void {
    for (const lane of LANES) this.#counters.lanes[lane].heldSeq = positions[lane]
  }

  /**
   * The other side has these records, which must be the ones that follow what it had. They stay in
   * the file, for the flash's sake, until `release` deletes many at once or room is needed.
   */
  acknowledge(records: readonly StoredRecord[]): void {
    for (const { lane, seq, payload } of records) {
      const counters = this.#counters.lanes[lane]
      counters.ackedSeq = seq
      counters.ackedRecords++
      counters.ackedBytes += payload.length
    }
  }

  /** Records acknowledged and not yet deleted. */
  get unreleased(): number {
    return LANES.reduce((sum, lane) => sum + this.#counters.lanes[lane].ackedRecords, 0)
  }

  /** Deletes what the other side has: up to these positions, or all that was acknowledged. */
  release(positions?: Positions): void {
    this.#transact(() => {
      let deleted = 0
      for (const lane of LANES) {
        if (positions) this.#counters.lanes[lane].ackedSeq = positions[lane]
        deleted += this.#deleteAcked(lane)
      }
      if (deleted > 0) this.#mark(this.#counters)
    })
  }

  /**
   * Takes a record that the other side refuses out of the way, into the table of dead records, and
   * says so in the ledger.
   */
  bury({ lane, seq }: Pick<StoredRecord, 'lane' | 'seq'>, reason: string): void {
    this.#transact(() => {
      const [row] = this.#tables[lane].read(seq - 1, 1, 0)
      if (row?.[0] !== seq) return
      this.#deadInsert.run(seq, LANES.indexOf(lane), ...row.slice(1), reason)
      this.#deadTrim.run(this.#limits.maxDeadRecords)
      this.#tables[lane].delete(seq - 1, seq)
      this.#counters.lanes[lane].records--
      this.#counters.lanes[lane].bytes -= row[7].length
      this.#tell([
        { cause: 'rejected', lane, firstSeq: seq, lastSeq: seq, count: 1, detail: reason },
      ])
    })
  }

  /**
   * Gives waiting records of this boot a wall time: monotonic time plus offset, now that the clock
   * is known. Only those that said `unsynced` and are not on their way. Answers how many.
   */
  repairTimes(bootId: string, offsetUs: number): number {
    const boot = this.#boots.find(bootId)
    if (boot === undefined) return 0
    const states: [number, number] = [CLOCKS.indexOf('unsynced'), CLOCKS.indexOf('repaired')]
    let repaired = 0
    for (const lane of LANES) {
      const { ackedSeq, heldSeq } = this.#counters.lanes[lane]
      const after = Math.max(ackedSeq, heldSeq)
      for (let some = REPAIR_RECORDS; some === REPAIR_RECORDS; repaired += some) {
        some = this.#transact(() =>
          this.#tables[lane].repair(after, boot, Math.round(offsetUs), states, REPAIR_RECORDS),
        )
      }
    }
    return repaired
  }

  /**
   * A new epoch for the records that are here: for a file that was restored from a backup, whose
   * numbers the other side has already seen on other records.
   */
  renewEpoch(detail: string): void {
    const [before, after] = [this.#epoch, newEpoch()]
    this.#transact(() => {
      this.#db.prepare("UPDATE meta SET value = ? WHERE key = 'epoch'").run(after)
      this.#tell([{ cause: 'epoch_renewed', lane: null, epoch: before, count: null, detail }])
    })
    this.#epoch = after
    for (const lane of LANES) {
      Object.assign(this.#counters.lanes[lane], {
        ackedSeq: 0,
        ackedRecords: 0,
        ackedBytes: 0,
        heldSeq: 0,
      })
    }
  }

  /** Gives a step of free space back to the disk; to be called now and then. */
  tend(): void {
    this.#guard(() => this.#space.giveBack())
  }

  stat(): OutboxStat {
    return this.#guard(() => {
      const lane = (name: Lane): LaneStat => {
        const counters = this.#counters.lanes[name]
        return {
          records: counters.records - counters.ackedRecords,
          bytes: counters.bytes - counters.ackedBytes,
          oldestTimeUs: this.#tables[name].first(counters.ackedSeq)?.timeUs ?? 0,
          lastSeq: counters.lastSeq,
          ackedSeq: counters.ackedSeq,
          evicted: counters.evicted,
          dropped: counters.dropped,
        }
      }
      const wal = sizeOf(`${this.path}-wal`)
      return {
        path: this.path,
        vehicle: this.vehicle,
        epoch: this.#epoch,
        seq: this.#counters.seq,
        lanes: {
          critical: lane('critical'),
          events: lane('events'),
          telemetry: lane('telemetry'),
        },
        fileBytes: sizeOf(this.path) + wal,
        walBytes: wal,
        deadRecords: this.#deadCount.get() ?? 0,
      }
    })
  }

  /** Folds the log into the database and lets go of it. Never throws: there is nothing left to do. */
  close(): void {
    try {
      if (this.#db.open) this.#transact(() => this.#mark(this.#counters))
    } catch {
      // What was committed is committed; the counters are counted again at the next start.
    }
    try {
      this.#db.close()
    } catch {
      // The process's end closes it.
    }
  }

  #checked(record: NewRecord): Uint8Array {
    const { payload, type, lane } = record
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
    if (bytes.length <= recordBytes(this.#limits) && type && LANES.includes(lane)) return bytes
    throw new SyncError(
      'RECORD_INVALID',
      `record of ${bytes.length} bytes, type "${type}", lane "${lane}"`,
      { hint: `Needs a type, a lane, and at most ${recordBytes(this.#limits)} bytes.` },
    )
  }

  #insert(record: NewRecord, payload: Uint8Array, refused = false): void {
    const seq = ++this.#counters.seq
    const counters = this.#counters.lanes[record.lane]
    const back = seq - counters.lastSeq
    counters.lastSeq = seq
    if (refused) return
    this.#clockState = record.clock
    this.#tables[record.lane].insert([
      seq,
      back,
      this.#kinds.id(record.type, record.contentType ?? JSON_TYPE),
      this.#boots.id(this.#bootId),
      CLOCKS.indexOf(record.clock),
      Math.round(record.timeUs),
      Math.round(record.monoUs),
      payload,
    ])
    counters.records++
    counters.bytes += payload.length
  }

  #stored(lane: Lane, row: Row): StoredRecord {
    const [seq, back, kind, boot, clock, timeUs, monoUs, payload] = row
    const [type, contentType] = this.#kinds.words(kind)
    const [bootId] = this.#boots.words(boot)
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

  /** Evicts until these records fit; answers the lanes whose new records do not. */
  #makeRoom(
    records: readonly NewRecord[],
    payloads: readonly Uint8Array[],
    entries: LedgerEntry[],
  ): Set<Lane> {
    const needs: Record<Lane, number> = { critical: 0, events: 0, telemetry: 0 }
    records.forEach(({ lane }, i) => {
      needs[lane] += this.#space.bytesOf(payloads[i].length)
    })
    const refused = new Set<Lane>()
    const room = this.#space.room()
    if (needs.critical + needs.events + needs.telemetry <= room.freeBytes()) return refused
    this.#db.exec('DELETE FROM dead')
    for (const lane of LANES) this.#deleteAcked(lane)
    let admitted = 0
    for (const [rank, lane] of LANES.entries()) {
      if (needs[lane] === 0) continue
      const lacking = () => admitted + needs[lane] - room.freeBytes()
      for (const victim of LANES.slice(rank).reverse()) {
        // Somewhat more than is needed, so that the next append finds room without evicting.
        while (lacking() > 0 && this.#evict(victim, lacking() + room.slackBytes, entries));
      }
      if (lacking() > 0) refused.add(lane)
      else admitted += needs[lane]
    }
    return refused
  }

  /** Deletes the oldest records of a lane, about so many bytes; false where there is none left. */
  #evict(lane: Lane, bytes: number, entries: LedgerEntry[]): boolean {
    const { ackedSeq, heldSeq } = this.#counters.lanes[lane]
    const after = Math.max(ackedSeq, heldSeq)
    const run = this.#tables[lane].run(after, bytes, this.#space.bytesOf(0))
    if (!run) return false
    const { firstSeq, lastSeq, records: count } = run
    // What a ledger record told must not be lost with it.
    if (lane === 'critical') entries.push(...this.#ledgerEntries(after, lastSeq))
    this.#tables[lane].delete(after, lastSeq)
    this.#forget(lane, run)
    this.#counters.lanes[lane].evicted += count
    entries.push({ cause: 'evicted', lane, firstSeq, lastSeq, count })
    return true
  }

  #tellRefused(
    records: readonly NewRecord[],
    first: number,
    refused: Set<Lane>,
    entries: LedgerEntry[],
  ): void {
    for (const lane of refused) {
      const seqs = records.flatMap((record, i) => (record.lane === lane ? [first + i] : []))
      this.#counters.lanes[lane].evicted += seqs.length
      entries.push({
        cause: 'evicted',
        lane,
        firstSeq: seqs[0],
        lastSeq: seqs.at(-1),
        count: seqs.length,
      })
    }
  }

  #forget(lane: Lane, { records, bytes }: { records: number; bytes: number }): void {
    this.#counters.lanes[lane].records -= records
    this.#counters.lanes[lane].bytes -= bytes
  }

  #deleteAcked(lane: Lane): number {
    const counters = this.#counters.lanes[lane]
    counters.ackedRecords = counters.ackedBytes = 0
    if (counters.records === 0 || counters.ackedSeq === 0) return 0
    const table = this.#tables[lane]
    const extent = table.extent(0, counters.ackedSeq)
    if (extent.records === 0) return 0
    if (counters.ackedSeq >= counters.lastSeq) table.clear()
    else table.delete(0, counters.ackedSeq)
    this.#forget(lane, extent)
    return extent.records
  }

  #ledgerEntries(afterSeq: number, lastSeq: number): LedgerEntry[] {
    const kind = this.#kinds.find(LEDGER_TYPE, JSON_TYPE)
    if (kind === undefined) return []
    return this.#ledgerIn
      .all(afterSeq, lastSeq, kind)
      .flatMap((payload) => [...parseLedger(payload)])
  }

  /**
   * Writes a ledger record, and folds the one before it into it if that still waits: months offline
   * then leave one record of exact sums, not thousands.
   */
  #tell(entries: LedgerEntry[]): void {
    for (const { lane, firstSeq, count } of entries) {
      if (lane && firstSeq === undefined) this.#counters.lanes[lane].dropped += count ?? 0
    }
    const merged = mergeEntries([...this.#foldLedger(), ...entries])
    const time = {
      timeUs: this.#clock.nowUs(),
      monoUs: this.#clock.monoUs(),
      clock: this.#clockState,
    }
    const record = ledgerRecord(merged, time)
    this.#insert(record, Buffer.from(record.payload))
    this.#ledgerSeq = merged.length < MAX_LEDGER_ENTRIES ? this.#counters.seq : 0
    this.#mark(this.#counters)
  }

  #foldLedger(): LedgerEntry[] {
    const seq = this.#ledgerSeq
    const { ackedSeq, heldSeq } = this.#counters.lanes.critical
    if (seq <= Math.max(ackedSeq, heldSeq)) return []
    const extent = this.#tables.critical.extent(seq - 1, seq)
    if (extent.records === 0) return []
    const entries = this.#ledgerEntries(seq - 1, seq)
    this.#tables.critical.delete(seq - 1, seq)
    this.#forget('critical', extent)
    return [
      ...entries,
      { cause: 'folded', lane: 'critical', firstSeq: seq, lastSeq: seq, count: 1 },
    ]
  }

  /**
   * Runs a transaction; what failed leaves counters and dictionaries as they were. On a full disk
   * there may still be room inside the log, once it is folded into the database.
   */
  #transact<T>(work: () => T): T {
    try {
      return this.#once(work)
    } catch (error) {
      if (!(error instanceof SyncError) || error.code !== 'OUTBOX_FULL') throw error
      this.#space.foldLog()
      return this.#once(work)
    }
  }

  #once<T>(work: () => T): T {
    return this.#guard(() => {
      const counters = copyCounters(this.#counters)
      const ledgerSeq = this.#ledgerSeq
      try {
        return this.#db.transaction(work).immediate()
      } catch (error) {
        this.#counters = counters
        this.#ledgerSeq = ledgerSeq
        this.#kinds.reload()
        this.#boots.reload()
        throw error
      }
    })
  }

  #guard<T>(work: () => T): T {
    if (!this.#db.open) throw new SyncError('OUTBOX_CLOSED', `outbox ${this.path} is closed`)
    try {
      return work()
    } catch (error) {
      throw outboxFault(error, this.path)
    }
  }
}
