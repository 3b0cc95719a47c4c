import type { Origin, StoredRecord } from '../record.ts'
import type { Positions } from '../uplink.ts'

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
