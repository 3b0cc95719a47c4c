import type { Lane } from './record.ts'

/** Codes of everything that can go wrong in this room; the agent shows them to people. */
export type SyncErrorCode =
  | 'OUTBOX_CORRUPT'
  | 'OUTBOX_FULL'
  | 'OUTBOX_READONLY'
  | 'OUTBOX_LOCKED'
  | 'OUTBOX_FOREIGN'
  | 'OUTBOX_CLOSED'
  | 'OUTBOX_CONFIG'
  | 'OUTBOX_KEY'
  | 'RECORD_INVALID'
  | 'EXPORT_INVALID'
  | 'UPLINK_OFFLINE'
  | 'UPLINK_FENCED'
  | 'UPLINK_REJECTED'
  | 'UPLINK_AHEAD'
  | 'UPLINK_BEHIND'
  | 'UPLINK_DENIED'
  | 'UPLINK_TOPIC_MISSING'
  | 'UPLINK_TOPIC_DENIED'
  | 'UPLINK_REGISTRY'
  | 'UPLINK_SCHEMA'
  | 'HISTORY_RANGE'
  | 'CODEC_MISSING'

/** A failure on the way out. `hint` tells a technician at the roadside what to do next. */
export class SyncError extends Error {
  override readonly name = 'SyncError'
  readonly code: SyncErrorCode
  readonly hint: string | undefined
  /** The record that is to blame, where it is known. */
  readonly culprit: { readonly lane: Lane; readonly seq: number } | undefined

  constructor(
    code: SyncErrorCode,
    message: string,
    options: { cause?: unknown; hint?: string; culprit?: SyncError['culprit'] } = {},
  ) {
    super(message, { cause: options.cause })
    this.code = code
    this.hint = options.hint
    this.culprit = options.culprit
  }
}
