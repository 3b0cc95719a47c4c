/** What one caller, and all together, may take of the agent. */
export const LIMITS = {
  /** Connections at a time; what comes beyond is closed at once. */
  maxConnections: 128,
  /** A request's line and headers, and how long they may take to come. */
  maxHeaderBytes: 8_192,
  headersTimeoutMs: 5_000,
  /** A whole request, and its body. */
  requestTimeoutMs: 10_000,
  maxBodyBytes: 65_536,
  maxPathChars: 2_048,
  /** A connection on which nothing moves, neither way. */
  idleTimeoutMs: 30_000,
  keepAliveTimeoutMs: 5_000,
  maxRequestsPerSocket: 1_000,
  /** How often connections are looked through for those that are too slow. */
  checkEveryMs: 1_000,
  /** Callers whose rate is remembered. */
  maxCallers: 1_000,
  /** A reader of a stream that takes nothing for so long is let go. */
  stallMs: 15_000,
  /** A line of an idle stream, so that both sides see that the other is there. */
  keepAliveEveryMs: 10_000,
} as const
