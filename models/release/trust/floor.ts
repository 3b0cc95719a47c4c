import type { Metadata, Root, Snapshot, Timestamp } from '@tufjs/models'
import { canonicalJson, sha256Of } from '../../bundle/canonical.ts'
import type { ReleaseClock } from '../release.ts'

/**
 * What a vehicle never goes below: the versions of the roles that it has seen, and the time. It is kept
 * twice, beside the metadata and in the folder above, so that no one damaged file makes it forget.
 */
export interface Floor {
  /** Number of the generation of metadata that it was written with; counts up. */
  readonly generation: number
  /** Whether that generation was verified to its end and made a plan. */
  readonly complete: boolean
  readonly versions: Readonly<Record<string, number>>
  /** Ids of the keys of the online roles: new ones, which root alone can give, let versions start anew. */
  readonly keys: Readonly<Record<'timestamp' | 'snapshot', readonly string[]>>
  /** Latest time at which a timestamp was signed that was verified to its end; 0 where none says it. */
  readonly issuedMs: number
  /** Time that this machine was seen to run since then. */
  readonly ranMs: number
  /** sha256 of each file of the generation. */
  readonly files: Readonly<Record<string, string>>
}

export const FLOOR_FILE = 'floor'
/** Versions of a few roles and the hashes of their files: a floor beyond this is not ours. */
const MAX_FLOOR_BYTES = 1 << 20

export function encodeFloor(floor: Floor): Buffer {
  const text = canonicalJson(floor)
  return Buffer.from(`${sha256Of(text)} ${text}\n`)
}

/** Undefined when a single bit is not as it was written. */
export function decodeFloor(bytes: Buffer): Floor | undefined {
  const text = bytes.toString('utf8')
  if (bytes.length > MAX_FLOOR_BYTES || text[64] !== ' ' || !text.endsWith('\n')) return undefined
  const json = text.slice(65, -1)
  return sha256Of(json) === text.slice(0, 64) ? (JSON.parse(json) as Floor) : undefined
}

/**
 * The time that expiry is compared with: the clock, but never before what surely has passed, which is
 * the latest signed time seen and the time that this machine ran since. So a clock that is years late
 * (no battery, 1970) does not keep stale metadata alive for ever. A clock that is years early makes
 * everything stale, is told so, and does no lasting harm: it never raises the floor.
 */
export function referenceMs(clock: ReleaseClock, floor: Floor | undefined): number {
  return Math.max(clock.nowMs(), earliestMs(floor))
}

/** What surely has passed. */
export function earliestMs(floor: Floor | undefined): number {
  return floor && floor.issuedMs > 0 ? floor.issuedMs + floor.ranMs : 0
}

/**
 * Versions that still bind, of roles that `versions` does not know: a file that was damaged is no
 * reason to forget. Of those that new keys let start anew, none.
 */
export function carriedOver(
  floor: Floor | undefined,
  root: Metadata<Root>,
  missing: { readonly timestamp: boolean; readonly snapshot: boolean },
): Record<string, number> {
  const isAnew = startsAnew(floor, root)
  return Object.fromEntries(
    Object.entries(floor?.versions ?? {}).filter(
      ([role]) =>
        role !== 'root' &&
        (role === 'timestamp' ? missing.timestamp : missing.snapshot) &&
        !isAnew(role),
    ),
  )
}

/** Names what is older than the floor, if anything is; `versions` are those now at hand. */
export function belowFloor(
  floor: Floor | undefined,
  root: Metadata<Root>,
  versions: Readonly<Record<string, number>>,
): string | undefined {
  const isAnew = startsAnew(floor, root)
  for (const [role, seen] of Object.entries(floor?.versions ?? {})) {
    const now = versions[role]
    if (isAnew(role) || (now !== undefined && now >= seen)) continue
    return `${role} ${now ?? 'missing'}, ${seen} was seen`
  }
  return undefined
}

/**
 * TUF 5.3.11: new keys of the online roles are how a repository recovers from versions that a thief
 * drove up, so what those keys sign may start anew. Only a new root can give them.
 */
function startsAnew(floor: Floor | undefined, root: Metadata<Root>): (role: string) => boolean {
  const lost = (role: 'timestamp' | 'snapshot') =>
    floor?.keys[role].some((id) => !root.signed.roles[role].keyIDs.includes(id)) ?? false
  const timestamp = lost('timestamp')
  const snapshot = lost('snapshot')
  return (role) => {
    if (role === 'root') return false
    if (role === 'timestamp') return timestamp
    return snapshot || (role === 'snapshot' && timestamp)
  }
}

/** Version of each role, as root, timestamp and snapshot have it. */
export function versionsSeen(seen: {
  readonly root: Metadata<Root>
  readonly timestamp: Metadata<Timestamp> | undefined
  readonly snapshot: Metadata<Snapshot> | undefined
}): Record<string, number> {
  const versions: Record<string, number> = { root: seen.root.signed.version }
  if (seen.timestamp) versions.timestamp = seen.timestamp.signed.version
  if (seen.snapshot) {
    versions.snapshot = seen.snapshot.signed.version
    for (const [file, { version }] of Object.entries(seen.snapshot.signed.meta)) {
      versions[file.replace(/\.json$/, '')] = version
    }
  }
  return versions
}
