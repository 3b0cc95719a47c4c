/** What a bundle must show before it is marked good. */
export interface TrialLimits {
  /** It ends after so many rows and so much time, whichever comes later. */
  readonly minRows: number
  readonly minMs: number
  /** Share of rows for which the network gives no number. */
  readonly maxInvalidShare: number
  /** Share of rows that may take longer than the bundle's own limit. */
  readonly maxSlowShare: number
  /** Memory of the process beyond what it had when the trial began. */
  readonly maxMemoryGrowthBytes: number
  /** Rows at which it may throw. */
  readonly maxErrors: number
}

/** What a config asks for that says nothing else. */
export const TRIAL_LIMITS: TrialLimits = {
  minRows: 600,
  minMs: 600_000,
  maxInvalidShare: 0.01,
  maxSlowShare: 0.05,
  maxMemoryGrowthBytes: 128 * 2 ** 20,
  maxErrors: 0,
}
