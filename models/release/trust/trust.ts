import { Metadata, MetadataKind, type Root, type Snapshot, type Timestamp } from '@tufjs/models'
import { sha256Of } from '../../bundle/canonical.ts'
import type { Disk } from '../disk.ts'
import { ReleaseError } from '../errors.ts'
import { MetadataFetcher } from '../fetcher.ts'
import type { ReleaseClock, ReleaseLimits } from '../release.ts'
import type { ReleaseSource } from '../source.ts'
import {
  belowFloor,
  carriedOver,
  earliestMs,
  type Floor,
  referenceMs,
  versionsSeen,
} from './floor.ts'
import { type Remembered, TrustMemory } from './memory.ts'
import { rollback, Walk } from './verify.ts'

export interface TrustOptions {
  readonly dir: string
  readonly source: ReleaseSource
  /** Folder of metadata in the source. */
  readonly folder: string
  readonly clock: ReleaseClock
  readonly trustedRoot: Uint8Array
  readonly limits: ReleaseLimits
  readonly disk: Disk
}

/** Field of a signed timestamp that says when it was signed; TUF leaves such fields to us (§4.1). */
export const ISSUED_FIELD = 'x-milepost-issued'

/** The time that ran is written down this often at most where nothing else is: flash wears out. */
const REMEMBER_EVERY_MS = 3_600_000

/** What was verified of a repository: brought up to date on a staged copy, kept by one rename. */
export class Trust {
  readonly #options: TrustOptions
  readonly #memory: TrustMemory
  #ranSinceMs: number

  constructor(options: TrustOptions) {
    this.#options = options
    this.#memory = new TrustMemory(options.disk, options.dir)
    this.#ranSinceMs = options.clock.monoMs()
  }

  /**
   * Refreshes the top-level roles, then lets `use` look at what was verified and ask for more. Whatever
   * was verified is kept, also when a later step fails; nothing is kept that is older than the floor.
   * @param use its answer makes the generation a complete one
   * @param how.cached asks for nothing that is there and valid
   */
  async refresh<T>(
    signal: AbortSignal | undefined,
    use: (walk: Walk) => Promise<T>,
    how: { cached?: boolean } = {},
  ): Promise<T> {
    const remembered = await this.#memory.load()
    const floor = this.#aged(remembered.floor)
    const files = new Map(remembered.files)
    if (!files.has('root.json')) files.set('root.json', Buffer.from(this.#options.trustedRoot))
    await this.#memory.stage(files)
    try {
      const walk = this.#walk(this.#memory.stageDir, floor, { signal, ...how })
      let outcome: { value: T } | { error: unknown }
      try {
        await walk.refresh()
        outcome = { value: await use(walk) }
      } catch (error) {
        outcome = { error }
      }
      await this.#keep(remembered, floor, walk, 'value' in outcome)
      if ('error' in outcome) throw outcome.error
      return outcome.value
    } finally {
      await this.#memory.unstage()
    }
  }

  /** Looks at the newest complete generation without a network; undefined where none is valid. */
  async recall<T>(use: (walk: Walk) => Promise<T>): Promise<T | undefined> {
    const { floor, complete } = await this.#memory.load()
    if (!complete) return undefined
    try {
      const walk = this.#walk(complete.dir, this.#aged(floor), { offline: true })
      await walk.refresh()
      return await use(walk)
    } catch (error) {
      if (error instanceof ReleaseError) return undefined
      throw error
    }
  }

  /** The files that are trusted now, by name. */
  async files(): Promise<ReadonlyMap<string, Buffer>> {
    return (await this.#memory.load()).files
  }

  #walk(
    dir: string,
    floor: Floor | undefined,
    options: { signal?: AbortSignal; cached?: boolean; offline?: boolean },
  ): Walk {
    const { source, folder, limits, clock } = this.#options
    const fetcher = new MetadataFetcher(options.offline ? NOWHERE : source, folder, {
      limits,
      signal: options.signal,
    })
    return new Walk(dir, fetcher, {
      referenceMs: referenceMs(clock, floor),
      expiry: (said) => expired(said, clock, floor),
      cached: options.offline || options.cached,
    })
  }

  /** The floor, with the time that ran since it was last looked at. */
  #aged(floor: Floor | undefined): Floor | undefined {
    return (
      floor && { ...floor, ranMs: floor.ranMs + this.#options.clock.monoMs() - this.#ranSinceMs }
    )
  }

  async #keep(
    remembered: Remembered,
    floor: Floor | undefined,
    walk: Walk,
    complete: boolean,
  ): Promise<void> {
    const { floor: old, files: before, damaged } = remembered
    const { clock } = this.#options
    const staged = await this.#memory.staged()
    const { root } = walk.verified
    const timestamp = signedBy<Timestamp>(root, MetadataKind.Timestamp, staged)
    const snapshot = signedBy<Snapshot>(root, MetadataKind.Snapshot, staged)
    const versions: Record<string, number> = {
      ...carriedOver(floor, root, { timestamp: !timestamp, snapshot: !snapshot }),
      ...versionsSeen({ root, timestamp, snapshot }),
    }
    const below = belowFloor(floor, root, versions)
    if (below) throw rollback(below)
    const issuedMs = timestamp ? issuedAt(timestamp) : 0
    // Else a thief of the timestamp key could set a vehicle's time beyond what the offline keys vouch for.
    if (complete && issuedMs >= walk.expiresMs()) {
      throw expired('the timestamp was signed after other metadata expired', clock, floor)
    }
    const raised = complete && issuedMs > (floor?.issuedMs ?? 0)
    const next: Floor = {
      generation: remembered.last + 1,
      complete,
      versions,
      keys: {
        timestamp: root.signed.roles.timestamp.keyIDs,
        snapshot: root.signed.roles.snapshot.keyIDs,
      },
      issuedMs: raised ? issuedMs : (floor?.issuedMs ?? 0),
      ranMs: raised ? 0 : Math.max(0, Math.round(floor?.ranMs ?? 0)),
      files: Object.fromEntries([...staged].map(([name, bytes]) => [name, sha256Of(bytes)])),
    }
    const isSame =
      old !== undefined &&
      damaged.length === 0 &&
      before.size === staged.size &&
      [...staged].every(([name, bytes]) => before.get(name)?.equals(bytes)) &&
      (old.complete || !complete)
    if (!isSame) {
      const kept = complete ? undefined : remembered.complete?.floor.generation
      await this.#memory.commit(next, kept)
    } else if (next.ranMs - old.ranMs >= REMEMBER_EVERY_MS) {
      await this.#memory.remember({ ...old, ranMs: next.ranMs })
    } else {
      return
    }
    this.#ranSinceMs = clock.monoMs()
  }
}

function issuedAt(timestamp: Metadata<Timestamp>): number {
  const issued = timestamp.signed.unrecognizedFields[ISSUED_FIELD]
  return typeof issued === 'string' ? Date.parse(issued) || 0 : 0
}

/** A staged role that the root in force vouches for; what an older root vouched for is gone (TUF 5.3.11). */
function signedBy<T extends Timestamp | Snapshot>(
  root: Metadata<Root>,
  kind: MetadataKind.Timestamp | MetadataKind.Snapshot,
  staged: Map<string, Buffer>,
): Metadata<T> | undefined {
  const name = `${kind}.json`
  const bytes = staged.get(name)
  if (!bytes) return undefined
  try {
    const metadata = Metadata.fromJSON(kind as never, JSON.parse(bytes.toString('utf8')))
    root.verifyDelegate(kind, metadata)
    return metadata as unknown as Metadata<T>
  } catch {
    staged.delete(name)
    return undefined
  }
}

function expired(said: string, clock: ReleaseClock, floor: Floor | undefined): ReleaseError {
  const now = new Date(clock.nowMs()).toISOString().slice(0, 10)
  const isLate = clock.nowMs() < earliestMs(floor)
  return new ReleaseError('RELEASE_EXPIRED', `${said} (this machine says ${now})`, {
    hint: isLate
      ? `The clock is behind: it is at least ${new Date(earliestMs(floor)).toISOString().slice(0, 10)}. Set it; then, if the metadata is stale indeed, sign it anew with \`milepost release publish\`. What runs goes on.`
      : 'Is the clock right? If so, the repository was not signed for too long: `milepost release publish` signs it anew. What runs goes on.',
  })
}

const NOWHERE: ReleaseSource = {
  name: 'nowhere',
  open: () => Promise.reject(new ReleaseError('RELEASE_SOURCE', 'looked for on the disk only')),
  close: () => Promise.resolve(),
}
