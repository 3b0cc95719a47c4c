import type { KeySource } from './outbox/key.ts'
import { DEFAULT_OUTBOX_LIMITS, type OutboxLimits, recordBytes } from './outbox/limits.ts'
import type { PumpLimits } from './pump-limits.ts'
import type { UplinkConfig } from './uplinks.ts'

export interface SyncOptions {
  readonly outbox: {
    /** The database file; its folder is made. */
    readonly path: string
    readonly vehicle: string
    /** Names this boot of the machine, so that monotonic times can be compared. */
    readonly bootId: string
    /**
     * Longest wait of a record before it is committed, beside the commit itself: what a power cut can
     * take. Default 50. The `critical` lane does not wait.
     */
    readonly groupCommitMs?: number
    /** Bytes of payload taken in and not yet committed; more is dropped. Default 16 MiB. */
    readonly maxQueuedBytes?: number
    /** Where the key of an encrypted outbox comes from; it is read in the thread. */
    readonly key?: KeySource
  } & Partial<OutboxLimits>
  readonly uplink: UplinkConfig
  readonly pump?: Partial<PumpLimits>
  /** Time given at the end to send what waits, where the uplink is live. Default 2,000. */
  readonly handoverMs?: number
  /** Time after which a close is forced. Default 10,000. */
  readonly closeTimeoutMs?: number
}

/** Times and bounds of the collecting side. */
export type SyncTimes = Required<
  Pick<SyncOptions, 'handoverMs' | 'closeTimeoutMs'> &
    Pick<SyncOptions['outbox'], 'groupCommitMs' | 'maxQueuedBytes'>
>

/** What is meant where nothing is said. */
export const DEFAULT_SYNC_OPTIONS: SyncTimes = {
  groupCommitMs: 50,
  maxQueuedBytes: 16 * 1024 ** 2,
  handoverMs: 2_000,
  closeTimeoutMs: 10_000,
}

/** The options without those that were given as undefined. */
export function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as Partial<T>
}

/** The largest payload that an outbox of these options takes. */
export function recordBytesOf(outbox: Partial<OutboxLimits>): number {
  return recordBytes({ ...DEFAULT_OUTBOX_LIMITS, ...defined(outbox) })
}
