import { DEFAULT_PUMP_LIMITS, type PumpLimits } from '../pump-limits.ts'

/** Bounds of a relay's store. */
export interface RelayLimits {
  /** Database and log together. When it is full nothing more is accepted: senders keep theirs. */
  readonly maxBytes: number
  /** A new vehicle beyond this is refused. */
  readonly maxVehicles: number
  /** Positions kept for one vehicle: its newest epochs. */
  readonly maxEpochsPerVehicle: number
}

export const DEFAULT_RELAY_LIMITS: RelayLimits = {
  maxBytes: 1024 ** 3,
  maxVehicles: 100_000,
  maxEpochsPerVehicle: 8,
}

/** Every bound of a relay beside those of its store. */
export interface IntakeLimits {
  /** How long a message waits for others that are committed with it. */
  readonly groupCommitMs: number
  /** Messages committed at once at most. */
  readonly maxGroupRecords: number
  /** Messages that the broker may have on their way to us: what memory holds at most, by number. */
  readonly receiveMaximum: number
  /** And by bytes: beyond it nothing more is read from the socket. */
  readonly maxHeldBytes: number
  /** A larger payload is refused; what Kafka takes in one batch, less its headers. */
  readonly maxRecordBytes: number
  /** The broker keeps our session for so long while we are away. */
  readonly sessionExpirySec: number
}

const DEFAULT_INTAKE_LIMITS: IntakeLimits = {
  groupCommitMs: 100,
  maxGroupRecords: 5_000,
  receiveMaximum: 10_000,
  maxHeldBytes: 32 * 1024 ** 2,
  maxRecordBytes: 900_000,
  sessionExpirySec: 86_400,
}

/** Of the pump that empties the store into Kafka. */
export type ForwardLimits = PumpLimits

const DEFAULT_FORWARD_LIMITS: ForwardLimits = {
  ...DEFAULT_PUMP_LIMITS,
  maxBatchRecords: 10_000,
  maxBatchBytes: 8 * 1024 ** 2,
  // A commit in Kafka costs the same for one record as for a thousand.
  telemetryLingerMs: 100,
  // Each release writes down how far many senders got.
  releaseRecords: 100_000,
}

export const DEFAULT_LIMITS = {
  ...DEFAULT_RELAY_LIMITS,
  ...DEFAULT_INTAKE_LIMITS,
  ...DEFAULT_FORWARD_LIMITS,
}

export type AllRelayLimits = RelayLimits & IntakeLimits & ForwardLimits
