import type { SyncErrorCode } from './errors.ts'
import type { LaneStat } from './outbox/stat.ts'
import type { Lane } from './record.ts'

/**
 * `starting`: not opened yet. `ok`: records are kept. `disk-full`: others have filled the disk;
 * `critical` is kept in what the file owns, the lower lanes give way. `read-only`, `locked`: nothing is
 * kept; what comes waits in a bounded queue, then is dropped and counted, and the file is tried again.
 * `corrupt`: the file is being put aside. `failed`: the thread ended and is started again.
 */
export type OutboxState =
  | 'starting'
  | 'ok'
  | 'disk-full'
  | 'read-only'
  | 'locked'
  | 'corrupt'
  | 'failed'
  | 'closed'

/**
 * `off`: there is none, or it is paused. `offline`: tried and waiting for the next try. `connecting`,
 * `live`: as they say. `fenced`: another device sends under this vehicle's name. `throttled`: a rate
 * cap or a rule of the network holds it back.
 */
export type UplinkState = 'off' | 'offline' | 'connecting' | 'live' | 'fenced' | 'throttled'

/** An error as it is shown: `hint` says what to do next. */
export interface Complaint {
  readonly code: SyncErrorCode | 'INTERNAL'
  readonly message: string
  readonly hint?: string
}

/** A lane that the other side does not take, while others go on. */
export interface BlockedLane extends Complaint {
  readonly lane: Lane
  readonly sinceUs: number
  /** How often it was tried since then, and when it is tried next; 0 while it is. */
  readonly tries: number
  readonly nextRetryTimeUs: number
}

export interface OutboxStatus {
  readonly path: string
  /** Empty as long as the file could not be opened. */
  readonly epoch: string
  readonly state: OutboxState
  readonly sinceUs: number
  /** Database and write-ahead log, as they lie on the disk. */
  readonly fileBytes: number
  readonly walBytes: number
  /** Taken in and not yet committed. */
  readonly queuedRecords: number
  readonly queuedBytes: number
  /** How long the last few hundred transactions took, milliseconds. */
  readonly commitP50Ms: number
  readonly commitP99Ms: number
  readonly deadRecords: number
  /** Records of a damaged file are still being taken over. */
  readonly salvaging: boolean
  /**
   * Sent to the disk by the storing thread since its start, all told, and for each record kept; 0
   * where the system does not tell (Linux only) or the file lies in memory.
   */
  readonly writtenBytes: number
  readonly writtenBytesPerRecord: number
  /** The file is encrypted at rest. */
  readonly encrypted?: boolean
  readonly lastError?: Complaint
  /** A corrupt file that was put aside since the start. */
  readonly quarantinedFile?: string
  readonly troubles?: OutboxTroubles
}

/** How often the outbox entered a state that is not `ok` since its thread began, and the last of them. */
export interface OutboxTroubles {
  readonly count: number
  readonly state: OutboxState
  readonly error?: Complaint
}

export interface UplinkStatus {
  readonly kind: string
  readonly state: UplinkState
  readonly sinceUs: number
  readonly lastError?: Complaint
  /** Acknowledged since the start. */
  readonly sentRecords: number
  readonly sentBytes: number
  /** When the other side last acknowledged anything, and when it is tried next; 0 for never. */
  readonly lastAckTimeUs: number
  readonly nextRetryTimeUs: number
  /** Lanes that wait for their topic, or the right to it; absent where there are none. */
  readonly blocked?: readonly BlockedLane[]
  /** What a retry may do: `at-least-once` may duplicate. Absent where there is no uplink. */
  readonly delivery?: 'exactly-once' | 'at-least-once'
  /** Records that the other side refused since the start, and why the last one was. */
  readonly rejectedRecords?: number
  readonly lastRejection?: Complaint
  /**
   * How positions of the other side last did not fit this file since the start: `UPLINK_AHEAD`, of a copy
   * that goes on under a new epoch; `UPLINK_BEHIND`, where it has forgotten what it acknowledged.
   */
  readonly oddPositions?: Complaint
}

export interface SyncStatus {
  readonly timeUs: number
  readonly lanes: Record<Lane, LaneStat>
  readonly outbox: OutboxStatus
  readonly uplink: UplinkStatus
}

const NO_LANE: LaneStat = {
  records: 0,
  bytes: 0,
  oldestTimeUs: 0,
  lastSeq: 0,
  ackedSeq: 0,
  evicted: 0,
  dropped: 0,
}

/** The lanes of an outbox that could not be opened yet. */
export const NO_LANES: Record<Lane, LaneStat> = {
  critical: NO_LANE,
  events: NO_LANE,
  telemetry: NO_LANE,
}

/** Puts an error of any kind into the form in which it is shown. */
export function complaintOf(error: unknown): Complaint {
  const { code, message, hint } = error as { code?: unknown; message?: string; hint?: string }
  const known = error instanceof Error && error.name === 'SyncError'
  return {
    code: known ? (code as SyncErrorCode) : 'INTERNAL',
    message: message ?? String(error),
    ...(hint && { hint }),
  }
}
