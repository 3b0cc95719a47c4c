import { MetadataKind } from '@tufjs/models'
import { Updater } from 'tuf-js'
import { ExpiredMetadataError } from 'tuf-js/dist/error.js'
import { diskError } from '../disk.ts'
import { ReleaseError } from '../errors.ts'
import { METADATA_URL, type MetadataFetcher } from '../fetcher.ts'
import { lookInside, type Verified } from '../inside.ts'
import {
  MAX_DELEGATIONS,
  MAX_METADATA_BYTES,
  MAX_ROOT_BYTES,
  MAX_ROOT_ROTATIONS,
  MAX_SNAPSHOT_BYTES,
  MAX_TIMESTAMP_BYTES,
} from '../limits.ts'
import { MODELS_ROLE, ROLLOUT_ROLE } from '../names.ts'

/** A target as tuf-js resolved it through the delegations. */
export interface Found {
  readonly path: string
  readonly length: number
  readonly hashes: Readonly<Record<string, string>>
  readonly custom: Readonly<Record<string, unknown>>
}

/** One walk through the client workflow of TUF (§5), by tuf-js, on a folder of metadata. */
export class Walk {
  readonly verified: Verified
  readonly #updater: Updater
  readonly #fetcher: MetadataFetcher
  readonly #expiry: Expiry

  /**
   * @param dir folder of metadata, `root.json` in it; tuf-js adds to it what it has verified
   * @param options.cached asks for nothing that is there and valid
   * @throws ReleaseError `RELEASE_ROOT` when `root.json` is none
   */
  constructor(
    dir: string,
    fetcher: MetadataFetcher,
    options: { referenceMs: number; expiry: Expiry; cached?: boolean },
  ) {
    this.#fetcher = fetcher
    this.#expiry = options.expiry
    try {
      this.#updater = new Updater({
        metadataDir: dir,
        metadataBaseUrl: METADATA_URL,
        fetcher,
        forceCache: options.cached,
        config: {
          maxRootRotations: MAX_ROOT_ROTATIONS,
          maxDelegations: MAX_DELEGATIONS,
          rootMaxLength: MAX_ROOT_BYTES,
          timestampMaxLength: MAX_TIMESTAMP_BYTES,
          snapshotMaxLength: MAX_SNAPSHOT_BYTES,
          targetsMaxLength: MAX_METADATA_BYTES,
        },
      })
    } catch (error) {
      throw new ReleaseError('RELEASE_ROOT', `the root metadata is none: ${text(error)}`, {
        cause: error,
        hint: 'Give the root.json that `milepost release init` wrote for this repository.',
      })
    }
    this.verified = lookInside(this.#updater, options.referenceMs)
  }

  /** Brings the top-level roles up to date. */
  refresh(): Promise<void> {
    return this.#step(() => this.#updater.refresh())
  }

  /** Resolves a target through the delegations; undefined when no role names it. */
  find(path: string): Promise<Found | undefined> {
    return this.#step(async () => {
      const target = await this.#updater.getTargetInfo(path)
      return target && { ...target, custom: target.custom }
    })
  }

  /** First time at which something of what was verified is no longer valid. */
  expiresMs(): number {
    const { root, timestamp, snapshot } = this.verified
    const targets = [MetadataKind.Targets, MODELS_ROLE, ROLLOUT_ROLE].map((role) =>
      this.verified.getRole(role),
    )
    const dates = [root, timestamp, snapshot, ...targets].flatMap((role) =>
      role ? [Date.parse(role.signed.expires)] : [],
    )
    return Math.min(...dates)
  }

  async #step<T>(step: () => Promise<T>): Promise<T> {
    this.#fetcher.failure = undefined
    try {
      return await step()
    } catch (error) {
      throw this.#fetcher.failure ?? this.#named(error)
    }
  }

  /** tuf-js wraps some of its errors into text; what it says then is all there is. */
  #named(error: unknown): unknown {
    if (error instanceof ReleaseError) return error
    const said = text(error)
    if (said.includes('ENOSPC') || said.includes('EDQUOT')) {
      return diskError('metadata', { code: 'ENOSPC', message: said })
    }
    if (said.includes('Failed to persist metadata')) {
      return diskError('metadata', { code: 'EIO', message: said })
    }
    if (error instanceof ExpiredMetadataError || said.includes('is expired')) {
      return this.#expiry(said)
    }
    if (/is less than current version|in new snapshot/.test(said)) return rollback(said, error)
    return new ReleaseError('RELEASE_METADATA', said, {
      cause: error,
      hint: 'The repository is not what its keys signed: half published, or changed by somebody. `milepost release verify` says more. What runs goes on.',
    })
  }
}

/** Makes the error of expired metadata: whoever knows the clocks says what is to be done. */
export type Expiry = (said: string) => ReleaseError

export function rollback(said: string, cause?: unknown): ReleaseError {
  return new ReleaseError('RELEASE_ROLLBACK', `older than what was seen before: ${said}`, {
    cause,
    hint: 'An old copy of the repository, or an attack. Fetch the newest copy; what runs goes on.',
  })
}

function text(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll('Error: ', '')
}
