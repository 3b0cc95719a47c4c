import type { Lane } from '../record.ts'
import type { Complaint, UplinkStatus } from '../status.ts'

/** What became of the messages, since the start. */
export interface IntakeCounts {
  readonly messages: number
  /** Kept in the store, new. */
  readonly kept: number
  /** Had been kept before. */
  readonly duplicates: number
  /** Came though an earlier one had not: asked for again. */
  readonly refused: number
  /** Kept, and the sender had lost some before it: its ledger says which. */
  readonly gaps: number
  /** No record of ours, or too large: dropped. */
  readonly invalid: number
  /** Of a vehicle beyond the bound: told so, not kept. */
  readonly rejected: number
}

/** The same while it is counted. */
export type Counting = { -readonly [K in keyof IntakeCounts]: IntakeCounts[K] }

/**
 * `live`: records are taken. `offline`: no broker. `full`, `read-only`, `locked`, `corrupt`: the store
 * cannot take them; they stay with their senders, and it is tried again.
 */
export type IntakeState =
  | 'connecting'
  | 'live'
  | 'offline'
  | 'full'
  | 'read-only'
  | 'locked'
  | 'corrupt'
  | 'failed'
  | 'off'

export interface RelayStatus {
  readonly timeUs: number
  readonly state: IntakeState
  readonly sinceUs: number
  readonly lastError?: Complaint
  readonly counts: IntakeCounts
  readonly vehicles: number
  readonly waiting: Record<Lane, number>
  /** Records that Kafka refused for good, since the start: put aside here, and in the depot's ledger. */
  readonly refusedByKafka: number
  readonly lastRefusal?: string
  readonly forward: UplinkStatus
}

/** What to do where Kafka refuses what a depot relays. */
export const REFUSED_HINT =
  "They lie aside at this depot; its ledger tells of each. Mend the topic's limits for those that follow."

export const NO_COUNTS: IntakeCounts = {
  messages: 0,
  kept: 0,
  duplicates: 0,
  refused: 0,
  gaps: 0,
  invalid: 0,
  rejected: 0,
}
