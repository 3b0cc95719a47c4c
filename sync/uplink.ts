import type { SyncError } from './errors.ts'
import type { Lane, Origin, StoredRecord } from './record.ts'
import type { Complaint } from './status.ts'

/** For each lane the last `seq` that the other side has for good; 0 where it has none. */
export type Positions = Record<Lane, number>

/**
 * The way out. An uplink keeps nothing between calls that it could not ask for again: after any
 * rejection the caller calls `close`, waits, and begins with `open` on a fresh uplink.
 */
export interface Uplink {
  /**
   * Connects, settles whatever an earlier run of the same vehicle left half-done, and only then asks
   * how far the other side got. Everything up to these positions may be deleted; everything after
   * them must be sent. Rejects with a `SyncError` saying why and what to do. What stands in the way
   * of some lanes only is no reason to reject: see `refusals`.
   */
  open(origin: Origin): Promise<Positions>
  /**
   * Delivers all of these records or none. They are in order within each lane and follow what was
   * delivered before. Resolves once the other side has them for good, with positions; one call at a
   * time. Rejects with `UPLINK_REJECTED` where the fault lies in a record and not in the link, and
   * with `UPLINK_TOPIC_…`, `UPLINK_SCHEMA` or `UPLINK_REGISTRY` where it lies where a lane goes.
   */
  send(records: readonly StoredRecord[]): Promise<void>
  /**
   * Lanes that `open` found the other side not to take, and why: no record of theirs may be sent. The
   * next `open` looks again. Absent where there are none.
   */
  readonly refusals?: ReadonlyMap<Lane, SyncError>
  /**
   * What the other side knows of the record at each position that `open` told, as `tipOf` has it; absent
   * where it keeps no positions at all.
   */
  readonly tips?: ReadonlyMap<Lane, string>
  /** What is not as it should be, though records go out; absent where all is well. */
  readonly warning?: Complaint
  /** Lets go of sockets and threads; never rejects, returns within a bounded time. */
  close(): Promise<void>
}
