import { SyncError } from '../errors.ts'
import { openFile } from '../outbox/database.ts'
import { outboxFault } from '../outbox/faults.ts'
import { LANES, type Lane, type Origin, type StoredRecord } from '../record.ts'
import type { Positions } from '../uplink.ts'
import { OriginTable } from './origins.ts'
import { RelayTables } from './relay-tables.ts'

/** Bounds of a relay's store. */
export interface RelayLimits {
  /** Database and log together. When it is full nothing more is accepted: senders keep theirs. */
  readonly maxBytes: number
  /** A new vehicle beyond this is refused. */
  readonly maxVehicles: number
  /** Positions kept for one vehicle: its newest epochs. */
  readonly maxEpochsPerVehicle: number
}

export const DEFAULT_RELAY_LIMITS: RelayLimits = {
  maxBytes: 1024 ** 3,
  maxVehicles: 100_000,
  maxEpochsPerVehicle: 8,
}

const WAL_BYTES = 4 * 1024 ** 2

/** Records of one sender, in order within each lane. */
export interface Delivery {
  readonly origin: Origin
  readonly records: readonly StoredRecord[]
}

/** What became of a delivery. */
export interface Accepted {
  /** How far each lane of this origin is kept here for good: what may be acknowledged. */
  readonly positions: Positions
  readonly kept: number
  /** At or before the position: had been kept before. */
  readonly duplicates: number
  /**
   * Records whose `prev` is not the record kept before: those between were evicted or rejected by the
   * sender (its ledger says so), or went another way.
   */
  readonly gaps: number
}

/** A record of another vehicle as it waits here. */
export interface RelayedRecord {
  /** Counts up inside its lane of this store, never reused; what a forwarder keeps as its position. */
  readonly id: number
  readonly origin: Origin
  readonly record: StoredRecord
}

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

  /** Random, born with the file: ids of another file mean nothing here. */
  get epoch(): string {
    return this.#tables.epoch
  }

  /** Throws `OUTBOX_*` where the disk or the file is at fault. */
  static open(path: string, limits: Partial<RelayLimits> = {}): RelayStore {
    try {
      return new RelayStore(path, { ...DEFAULT_RELAY_LIMITS, ...limits })
    } catch (error) {
      throw outboxFault(error, path)
    }
  }

  private constructor(path: string, limits: RelayLimits) {
    this.path = path
    this.#db = openFile(path, {
      walBytes: WAL_BYTES,
      maxFileBytes: limits.maxBytes - 2 * WAL_BYTES,
      exclusive: false,
    })
    try {
      this.#tables = new RelayTables(this.#db, path)
      this.#origins = new OriginTable(this.#db, limits)
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
    return this.#transact(() => deliveries.map((delivery) => this.#accept(delivery)))
  }

  /** How far each lane of this origin is kept; zeros for one that never sent. */
  positions(origin: Origin): Positions {
    return this.#guard(() => this.#origins.find(origin)?.positions ?? { ...NOWHERE })
  }

  /** Records of a lane after this id, in order, as many as fit; always one if there is one. */
  read(lane: Lane, afterId: number, maxRecords: number, maxBytes: number): RelayedRecord[] {
    return this.#guard(() => {
      const rows = this.#tables.read(lane, afterId, maxRecords, maxBytes)
      return rows.map(({ id, originId, record }) => ({
        id,
        origin: this.#origins.byId(originId),
        record,
      }))
    })
  }

  /** The last id given in this lane, 0 before the first. */
  lastId(lane: Lane): number {
    return this.#guard(() => this.#tables.lastId(lane))
  }

  /** Forgets records up to these ids: the other side has them. Positions of origins stay. */
  release(ids: Positions): void {
    this.#transact(() => {
      for (const lane of LANES) this.#tables.release(lane, ids[lane])
    })
  }

  /** Begins a new epoch, where ids were given twice: the file was restored from an older copy. */
  renewEpoch(): void {
    this.#transact(() => this.#tables.renewEpoch())
  }

  /** Puts a record that the other side refuses for good aside, where the newest 1,000 are kept. */
  bury(lane: Lane, id: number, reason: string): void {
    this.#transact(() => this.#tables.bury(lane, id, reason))
  }

  /** Waiting records by lane, and vehicles known: for a status each second, not more. */
  stat(): { waiting: Record<Lane, number>; vehicles: number } {
    return this.#guard(() => ({
      waiting: {
        critical: this.#tables.count('critical'),
        events: this.#tables.count('events'),
        telemetry: this.#tables.count('telemetry'),
      },
      vehicles: this.#origins.vehicles,
    }))
  }

  close(): void {
    this.#db.close()
  }

  #accept({ origin, records }: Delivery): Accepted {
    const { id, positions, born } = this.#origins.get(origin)
    let kept = 0
    let duplicates = 0
    let gaps = 0
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
      kept++
    }
    if (kept > 0) this.#origins.move(id, positions)
    return { positions, kept, duplicates, gaps }
  }

  #transact<T>(work: () => T): T {
    return this.#guard(() => {
      try {
        return this.#db.transaction(work).immediate()
      } catch (error) {
        this.#tables.forget()
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

const NOWHERE: Positions = { critical: 0, events: 0, telemetry: 0 }
