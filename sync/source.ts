import type { Lane, Origin, StoredRecord } from './record.ts'
import type { Positions } from './uplink.ts'

/**
 * What a pump empties: records in lanes, numbered upwards within each. The outbox is one, a relay's
 * store seen from its forwarder another. Its `vehicle` and `epoch` are those under which the other
 * side keeps how far it got. Synchronous; throws `OUTBOX_*` where the disk or the file is at fault.
 */
export interface Source extends Origin {
  /** The last number given in this lane, 0 before the first. */
  lastSeq(lane: Lane): number
  /** The last number of this lane that the other side is known to have had; 0 where that is not known. */
  deliveredSeq(lane: Lane): number
  /** Records of this lane that are not acknowledged. */
  waiting(lane: Lane): number
  /** Records of a lane after this number, in order, as many as fit; always one if there is one. */
  read(lane: Lane, afterSeq: number, maxRecords: number, maxBytes: number): StoredRecord[]
  /** Records up to these positions may be on their way. */
  hold(positions: Positions): void
  /** The other side has these records, which follow what it had. They are deleted with `release`. */
  acknowledge(records: readonly StoredRecord[]): void
  /** Records acknowledged and not yet released. */
  readonly unreleased: number
  /** Deletes what the other side has: up to these positions, or all that was acknowledged. */
  release(positions?: Positions): void
  /** Puts a record that it gave, and that the other side refuses for good, out of the way. */
  bury(record: StoredRecord, reason: string): void
  /** Goes on under a new epoch: the other side has numbers that were never given here. */
  renewEpoch(detail: string): void
}
