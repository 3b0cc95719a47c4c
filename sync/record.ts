/** Lanes in the order in which they are sent; they give way in the opposite order. */
export const LANES = ['critical', 'events', 'telemetry'] as const
export type Lane = (typeof LANES)[number]

/** How far a record's wall time can be trusted (header `mp_clock`). */
export type ClockState = 'synced' | 'repaired' | 'unsynced'

/** What a producer of records hands in. */
export interface NewRecord {
  readonly lane: Lane
  /** CloudEvents `type`, for instance `milepost.snapshot.v1`. */
  readonly type: string
  /** Wall time of what the record tells of, microseconds since the epoch. */
  readonly timeUs: number
  /** The same instant on the monotonic clock of this boot, microseconds. */
  readonly monoUs: number
  readonly clock: ClockState
  /** Media type of the payload; JSON unless said otherwise. */
  readonly contentType?: string
  readonly payload: string | Uint8Array
}

/** A record as the outbox keeps it: identity is `(vehicle, epoch, seq)`. */
export interface StoredRecord {
  readonly lane: Lane
  /** Counts up inside the epoch over all lanes, from 1; never reused. */
  readonly seq: number
  /**
   * `seq` of the record before this one in the same lane, 0 for the first: each lane is a chain, so
   * that a reader of one topic can tell a gap from a record that went to another lane.
   */
  readonly prev: number
  readonly type: string
  readonly timeUs: number
  readonly monoUs: number
  readonly bootId: string
  readonly clock: ClockState
  readonly contentType: string
  readonly payload: Uint8Array
}

/** Who sends: a vehicle and the outbox file that its records were born in. */
export interface Origin {
  readonly vehicle: string
  /** Random, made with the outbox file; a new file is a new epoch. */
  readonly epoch: string
}

/** Zero for each lane. */
export function noneByLane(): Record<Lane, number> {
  return { critical: 0, events: 0, telemetry: 0 }
}
