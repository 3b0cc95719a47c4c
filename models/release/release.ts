import type { ReleaseError } from './errors.ts'
import type { ReleaseSource } from './source.ts'

export const RELEASE_KINDS = ['bundle', 'campaign', 'dbc'] as const
export type ReleaseKind = (typeof RELEASE_KINDS)[number]

/** What one vehicle shall run, of one name. Signed by `models`, chosen by `rollout`. */
export interface Release {
  readonly kind: ReleaseKind
  readonly name: string
  readonly version: string
  /** Its path among the targets, as `bundle/engine/3.tar`. */
  readonly path: string
  /** In bytes. */
  readonly length: number
  /** Of the file, in hex. */
  readonly sha256: string
  readonly rollout: RolloutPlace
}

/** Where the vehicle stands in the rollout that gave it this release. */
export interface RolloutPlace {
  /** Name of the stage that is on, as `canary`. */
  readonly stage: string
  readonly seed: string
  /** Share of the fleet that gets the candidate now: 0 to 100 with two decimals. */
  readonly percent: number
  /** `placeOf(vehicle, seed)`: below `percent * 100` gets the candidate. */
  readonly place: number
  /** False where the vehicle keeps the base: it is not its turn, or the rollout was taken back. */
  readonly candidate: boolean
}

/** An entry of the rollout that this vehicle refuses, and why; the others go on. */
export interface RefusedRelease {
  /** Path of the entry, as `rollout/bundle/engine`. */
  readonly entry: string
  readonly error: ReleaseError
}

/** What a vehicle shall have, from metadata that was verified to its end. */
export interface ReleasePlan {
  /** At most one for each kind and name. */
  readonly releases: readonly Release[]
  readonly refused: readonly RefusedRelease[]
  /** Version of each role: `root`, `timestamp`, `snapshot`, `targets`, `models`, `rollout`. */
  readonly versions: Readonly<Record<string, number>>
  /** First time at which some of this metadata is no longer valid: milliseconds since the epoch. */
  readonly expiresMs: number
}

/** The machine's clocks, handed in. */
export interface ReleaseClock {
  /** Wall clock: milliseconds since the epoch, however wrong. */
  nowMs(): number
  /** Milliseconds since some start; never goes back. */
  monoMs(): number
}

/** The bounds of a client; each may be made smaller or larger. */
export interface ReleaseLimits {
  /** No byte for so long, or fewer than `minBytesPerStall` in it: the transfer is given up. */
  readonly stallMs: number
  readonly minBytesPerStall: number
  /** Transfers of one file that brought nothing, one after the other, before the client gives up. */
  readonly maxBarrenTries: number
  /** Wait before the next transfer of the same file. */
  readonly retryMs: number
  /** Largest release that is fetched at all. */
  readonly maxReleaseBytes: number
  /** Space that a download leaves free on the disk. */
  readonly reserveBytes: number
}

export interface ReleaseClientOptions {
  /** The client's own folder: verified metadata, memory against rollback, the store. */
  readonly dir: string
  readonly source: ReleaseSource
  readonly vehicle: string
  readonly clock: ReleaseClock
  /**
   * The root metadata that came with the vehicle; only used while `dir` holds none, or where what it
   * holds was damaged.
   */
  readonly trustedRoot: Uint8Array
  readonly limits?: Partial<ReleaseLimits>
}

export interface DownloadProgress {
  readonly bytes: number
  readonly length: number
}

/**
 * The vehicle's side of a repository: made by `openReleaseClient`. Whatever fails, what was verified
 * before stays, and so does the memory against rollback. Every method may be killed at any point.
 */
export interface ReleaseClient {
  /**
   * The plan of the last refresh that succeeded, from the disk, without a network. Undefined where
   * there is none, where it was damaged, or where it has expired: then what runs goes on.
   */
  plan(): Promise<ReleasePlan | undefined>

  /**
   * Fetches and verifies what is new. One at a time: a second call waits for the first.
   * @throws ReleaseError `RELEASE_SOURCE`, `RELEASE_MISSING`, `RELEASE_STALLED`, `RELEASE_TOO_LONG`
   *   (the source is at fault, try later), `RELEASE_EXPIRED` (stale metadata, or the clock is wrong),
   *   `RELEASE_ROLLBACK`, `RELEASE_METADATA` (not what the keys signed), `RELEASE_ROOT`,
   *   `RELEASE_DISK_FULL`, `RELEASE_DISK`, `RELEASE_STOPPED` (by `signal`)
   */
  refresh(signal?: AbortSignal): Promise<ReleasePlan>

  /**
   * Brings a release of a plan into the store and resolves with its path, `<dir>/store/<sha256>`. Its
   * bytes were hashed in this call, also when they were there already. A transfer that broke off,
   * here or in an earlier process, is taken up where it stopped.
   * @throws ReleaseError `RELEASE_HASH` (the source has other bytes), else as `refresh`
   */
  download(
    release: Pick<Release, 'path' | 'length' | 'sha256'>,
    signal?: AbortSignal,
    onProgress?: (progress: DownloadProgress) => void,
  ): Promise<string>

  /** The path of a stored file after hashing it again; undefined if it is not there or was damaged. */
  stored(sha256: string): Promise<string | undefined>

  /** Removes every stored or half-fetched file but these; resolves with the bytes that became free. */
  keepOnly(sha256s: Iterable<string>): Promise<number>
}
