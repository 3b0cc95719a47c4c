import type { Lane } from '../record.ts'

/** Bounds of one lane, inside those of its outbox. */
export interface LaneLimits {
  /** Payloads and their rows, waiting; the oldest give way to new ones (`lane_full`). */
  readonly maxBytes?: number
  /** What has waited longer is deleted (`expired`). */
  readonly maxAgeMs?: number
}

/** Bounds of one outbox; every one has a default. */
export interface OutboxLimits {
  /** Database and write-ahead log together, as they lie on the disk. Default 1 GiB, least 1 MiB. */
  readonly maxBytes: number
  /** By default a lane may take all that the outbox has. */
  readonly lanes: Readonly<Partial<Record<Lane, LaneLimits>>>
  /** What the outbox leaves free on its disk for others. Default 16 MiB. */
  readonly minFreeDiskBytes: number
  /**
   * What the file owns of the disk at least, also while it is empty, so that `critical` lives on when
   * others fill it; grows with the load, see `reserve.ts`. Default 8 MiB; a small cap has less.
   */
  readonly reserveBytes: number
  /**
   * A larger payload is refused. Default 900,000: it must pass Kafka's usual 1 MiB with headers.
   * A small file takes less: see `recordBytes`.
   */
  readonly maxRecordBytes: number
  /** Refused records kept for a look; the oldest go first. Default 1,000. */
  readonly maxDeadRecords: number
  /** A file up to this size is checked page by page when it is opened. Default 32 MiB. */
  readonly maxCheckedBytes: number
  /** Corrupt files kept aside; the oldest go first. Default 2. */
  readonly maxQuarantinedFiles: number
}

export const DEFAULT_OUTBOX_LIMITS: OutboxLimits = {
  maxBytes: 1024 ** 3,
  lanes: {},
  minFreeDiskBytes: 16 * 1024 ** 2,
  reserveBytes: 8 * 1024 ** 2,
  maxRecordBytes: 900_000,
  maxDeadRecords: 1000,
  maxCheckedBytes: 32 * 1024 ** 2,
  maxQuarantinedFiles: 2,
}

/** Below this there is no room for a log, a database and anything worth keeping. */
export const LEAST_FILE_BYTES = 1024 ** 2

const LARGEST_WAL_BYTES = 4 * 1024 ** 2

/**
 * Size at which the write-ahead log is folded into the database. Larger saves flash (a page written
 * ten times to the log goes to the database once), smaller saves space.
 */
export function walBytes(limits: OutboxLimits): number {
  return Math.min(LARGEST_WAL_BYTES, Math.floor(limits.maxBytes / 8))
}

/**
 * Bytes of payload in one transaction, at most. A log just short of its size, one such transaction
 * and the pages that eviction touches stay below the twice its size that the cap reserves.
 */
export function transactionBytes(limits: OutboxLimits): number {
  return walBytes(limits) / 2
}

/** Payload in one transaction on a full disk: with its pages it fits the log that is set aside. */
export const NARROW_BYTES = 256 * 1024

/** The largest payload that is taken: as configured, but never more than one transaction holds. */
export function recordBytes(limits: OutboxLimits): number {
  return Math.min(limits.maxRecordBytes, transactionBytes(limits))
}
