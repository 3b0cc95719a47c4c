import type { ReleaseLimits } from './release.ts'

export const DEFAULT_LIMITS: ReleaseLimits = {
  // A link of 64 kbit/s brings 240 KB in it; a cell change takes seconds.
  stallMs: 30_000,
  minBytesPerStall: 1_024,
  maxBarrenTries: 5,
  retryMs: 2_000,
  maxReleaseBytes: 256 << 20,
  reserveBytes: 16 << 20,
}

/** The longest metadata file that is read, whatever a signed length says: it is held in memory. */
export const MAX_METADATA_BYTES = 5 << 20
/** As the conformance suite and python-tuf have it. */
export const MAX_ROOT_BYTES = 512_000
export const MAX_TIMESTAMP_BYTES = 16_384
export const MAX_SNAPSHOT_BYTES = 2_000_000
/** New roots that one refresh follows. */
export const MAX_ROOT_ROTATIONS = 256
/** Roles that are asked for one target. */
export const MAX_DELEGATIONS = 32
