export interface PumpLimits {
  /** Records in one `send`: begins with the first, grows to the second while sends are quick. */
  readonly startBatchRecords: number
  readonly maxBatchRecords: number
  /** Bytes of payload in the largest `send`; smaller ones in proportion. */
  readonly maxBatchBytes: number
  /** A `send` that took longer halves the next one; one that took a quarter doubles it. */
  readonly slowSendMs: number
  /** How long records of the `telemetry` lane may wait for company. */
  readonly telemetryLingerMs: number
  /** Waits between tries: at least, at most, and where another device has this vehicle's name. */
  readonly minRetryMs: number
  readonly maxRetryMs: number
  readonly fencedRetryMs: number
  /** The same for a lane that cannot be sent while the others can: its topic is missing, say. */
  readonly minLaneRetryMs: number
  readonly maxLaneRetryMs: number
  /** Acknowledged records are deleted when there are so many, or after so long. */
  readonly releaseRecords: number
  readonly releaseIntervalMs: number
}

export const DEFAULT_PUMP_LIMITS: PumpLimits = {
  startBatchRecords: 1_000,
  maxBatchRecords: 5_000,
  maxBatchBytes: 4 * 1024 ** 2,
  slowSendMs: 2_000,
  telemetryLingerMs: 0,
  minRetryMs: 250,
  maxRetryMs: 30_000,
  fencedRetryMs: 60_000,
  minLaneRetryMs: 1_000,
  maxLaneRetryMs: 60_000,
  releaseRecords: 10_000,
  releaseIntervalMs: 5_000,
}
