import type { Batch, BatchBuffers } from './batch.ts'
import type { OutboxOptions } from './outbox/options.ts'
import type { PumpLimits } from './pump-limits.ts'
import type { Complaint, SyncStatus } from './status.ts'
import type { UplinkConfig } from './uplinks.ts'

/** What the thread is started with. */
export interface WorkerConfig {
  readonly outbox: Omit<OutboxOptions, 'clock'>
  readonly uplink: UplinkConfig
  readonly pump: Partial<PumpLimits>
}

export type ToWorker =
  | { readonly kind: 'batch'; readonly batch: Batch }
  /** Wanted: `flushed` once this batch is committed, and the status as of then before it. 0: at once. */
  | { readonly kind: 'flush'; readonly batchId: number }
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  | {
      readonly kind: 'repair'
      readonly id: number
      readonly bootId: string
      readonly offsetUs: number
    }
  | { readonly kind: 'close'; readonly handoverMs: number }

export type FromWorker =
  | {
      /** Batches up to this one; these buffers of theirs are free again. */
      readonly kind: 'committed'
      readonly batchId: number
      readonly buffers: readonly BatchBuffers[]
    }
  | { readonly kind: 'flushed'; readonly batchId: number }
  | { readonly kind: 'status'; readonly status: SyncStatus }
  | { readonly kind: 'repaired'; readonly id: number; readonly records: number }
  | { readonly kind: 'repair-failed'; readonly id: number; readonly error: Complaint }
