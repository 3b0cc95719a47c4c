import { SyncError } from '../errors.ts'
import { openFile } from '../outbox/database.ts'
import { outboxFault } from '../outbox/faults.ts'
import { LANES, type Lane, noneByLane, type Origin, type StoredRecord } from '../record.ts'
import { tipOf } from '../tip.ts'
import type { Positions } from '../uplink.ts'
import type { Accepted, Delivery, RelayedRecord } from './delivery.ts'
import { FileVersion } from './file-version.ts'
import { DEFAULT_RELAY_LIMITS, type RelayLimits } from './limits.ts'
import { OriginTable } from './origins.ts'
import { RelayTables } from './relay-tables.ts'
import { identify, renewEpoch } from './schema.ts'
import { Spare } from './spare.ts'

const WAL_BYTES = 4 * 1024 ** 2
/** What is read again at a start to know how far every sender got. */
const MAX_UNFOLDED_BYTES = 16 * 1024 ** 2

/**
 * Records of other vehicles on their way through a depot: taken in over MQTT or from a USB stick, each
 * once, forwarded under their own identity. A file of its own, that several processes may write (an
 * import beside the running relay); every call is one transaction and is on the disk when it returns.
 */
export class RelayStore {
  readonly path: string
  readonly #db: ReturnType<typeof openFile>
  readonly #origins: OriginTable
  readonly #tables: RelayTables
  readonly #version: FileVersion
  readonly #spare: Spare
  /** Random, born with the file: ids of another file mean nothing here. */
  epoch: string

  /** Throws `OUTBOX_*` where the disk or the file is at fault; a full disk only where its spare is spent. */
  static open(path: string, limits: Partial<RelayLimits> = {}): RelayStore {
    const open = () => {
      try {
        return new RelayStore(path, { ...DEFAULT_RELAY_LIMITS, ...limits })
      } catch (error) {
        throw outboxFault(error, path)
      }
    }
    const spare = new Spare(path)
    try {
      const store = open()
      spare.keep()
      return store
    } catch (error) {
      if ((error as SyncError).code !== 'OUTBOX_FULL' || !spare.spend()) throw error
      return open()
    }
  }

  private constructor(path: string, limits: RelayLimits) {
    this.path = path
    this.#spare = new Spare(path)
    this.#db = openFile(path, {
      walBytes: WAL_BYTES,
      maxFileBytes: limits.maxBytes - 2 * WAL_BYTES,
      exclusive: false,
    })
    try {
      this.epoch = identify(this.#db, path)
      this.#tables = new RelayTables(this.#db)
      this.#origins = new OriginTable(this.#db, limits)
      this.#version = new FileVersion(this.#db)
    } catch (error) {
      this.#db.close()
      throw error
    }
  }

  /** Keeps what is new of a delivery and moves the origin's position, in one transaction. */
  accept(origin: Origin, records: readonly StoredRecord[]): Accepted {
    return this.acceptAll([{ origin, records }])[0]
  }

  /**
   * The same for many deliveries in one transaction: all or none. Throws `OUTBOX_FULL` where there is
   * no room, `RECORD_INVALID` for a vehicle beyond the bound; nothing of the call is then kept.
   */
  acceptAll(deliveries: readonly Delivery[]): Accepted[] {
    return this.#transact(() => {
      const accepted = deliveries.map((delivery) => this.#accept(delivery))
      this.#tables.flush()
      if (this.#tables.unfoldedBytes > MAX_UNFOLDED_BYTES) this.#fold()
      return accepted
    })
  }

  /** How far each lane of this origin is kept; zeros for one that never sent. */
  positions(origin: Origin): Positions {
    return this.#guard(() => {
      this.#refresh()
      return this.peek(origin)
    })
  }

  /** Learns what another process has kept since. */
  refresh(): void {
    this.#guard(() => this.#refresh())
  }

  /** The same, as far as it was known at the last `refresh` or change. */
  peek(origin: Origin): Positions {
    return { ...(this.#origins.find(origin)?.positions ?? noneByLane()) }
  }

  /** Of the record at each position of `peek`, as `tipOf` has it; lanes of which none is known are absent. */
  tips(origin: Origin): Partial<Record<Lane, string>> {
    const known = Object.entries(this.#origins.find(origin)?.tips ?? {})
    return Object.fromEntries(known.filter(([, tip]) => tip !== ''))
  }

  /** Records of a lane after this id, in order, as many as fit; always one if there is one. */
  read(lane: Lane, afterId: number, maxRecords: number, maxBytes: number): RelayedRecord[] {
    return this.#guard(() => {
      this.#look()
      const rows = this.#tables.read(lane, afterId, maxRecords, maxBytes)
      return rows.map(({ id, originId, record }) => ({
        id,
        origin: this.#origins.byId(originId),
        record,
      }))
    })
  }

  /** How far a position reaches where it is followed by records that were put aside. */
  past(lane: Lane, id: number): number {
    return this.#tables.past(lane, id)
  }

  /** The last id given in this lane, 0 before the first. */
  lastId(lane: Lane): number {
    return this.#guard(() => {
      this.#look()
      return this.#tables.lastId(lane)
    })
  }

  /** Forgets records up to these ids: the other side has them. Positions of origins stay. */
  release(ids: Positions): void {
    this.#transact(() => {
      this.#fold()
      for (const lane of LANES) this.#tables.release(lane, ids[lane])
    })
    this.#spare.keep()
  }

  /** Begins a new epoch, where ids were given twice: the file was restored from an older copy. */
  renewEpoch(): void {
    this.epoch = this.#transact(() => renewEpoch(this.#db))
  }

  /**
   * Puts a record that the other side refuses for good aside, where the newest 1,000 are kept, and
   * keeps what tells of it, in one transaction.
   */
  bury({ id, origin, record }: RelayedRecord, reason: string, notice?: Delivery): void {
    this.#transact(() => {
      this.#tables.bury(id, origin, record, reason)
      if (notice) this.#accept(notice)
      this.#tables.flush()
    })
  }

  /**
   * Records by lane that the other side has not, and vehicles known: for a status each second, not
   * more. It may have more than was forgotten here: `acked`.
   */
  stat(acked: Positions = noneByLane()): { waiting: Record<Lane, number>; vehicles: number } {
    return this.#guard(() => {
      this.#refresh()
      const [critical, events, telemetry] = LANES.map((lane) =>
        this.#tables.waiting(lane, acked[lane]),
      )
      return { waiting: { critical, events, telemetry }, vehicles: this.#origins.vehicles }
    })
  }

  close(): void {
    this.#db.close()
  }

  #accept({ origin, records }: Delivery): Accepted {
    const { state, born } = this.#origins.get(origin)
    const { id, positions } = state
    let kept = 0
    let duplicates = 0
    let gaps = 0
    const last = new Map<Lane, StoredRecord>()
    for (const record of records) {
      const { lane, seq, prev } = record
      if (!(Number.isSafeInteger(seq) && seq > 0 && prev < seq)) {
        throw new SyncError('RECORD_INVALID', `record ${seq} after ${prev} of ${origin.vehicle}`)
      }
      if (seq <= positions[lane]) {
        duplicates++
        continue
      }
      // What an origin sent before it first came here is no gap.
      if (prev !== positions[lane] && !(born && positions[lane] === 0)) gaps++
      this.#tables.insert(id, record)
      positions[lane] = seq
      last.set(lane, record)
      kept++
    }
    for (const [lane, record] of last) state.tips[lane] = tipOf(record)
    if (kept > 0) {
      state.batch = this.#tables.rowsUpTo
      this.#origins.moved(state)
    }
    return { positions: { ...positions }, kept, duplicates, gaps }
  }

  #fold(): void {
    this.#origins.fold()
    this.#tables.folded()
  }

  /** The same for a reader of records, who needs no positions: it reads beside a busy writer. */
  #look(): void {
    if (this.#version.recordsAreOld()) this.#tables.look()
  }

  /** Learns anew what is in the file where another process has changed it. */
  #refresh(): void {
    if (!this.#version.allIsOld()) return
    this.#tables.reload()
    this.#origins.reload()
    const { rowsUpTo } = this.#tables
    this.#tables.unfolded((id, mark) => this.#origins.mark(id, mark, rowsUpTo))
  }

  #transact<T>(work: () => T): T {
    return this.#guard(() => {
      const all = () => {
        this.#refresh()
        return work()
      }
      try {
        return this.#db.transaction(all).immediate()
      } catch (error) {
        this.#version.forget()
        throw error
      }
    })
  }

  #guard<T>(work: () => T): T {
    if (!this.#db.open) throw new SyncError('OUTBOX_CLOSED', `${this.path} is closed`)
    try {
      return work()
    } catch (error) {
      throw outboxFault(error, this.path)
    }
  }
}
