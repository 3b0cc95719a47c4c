import { parseEntry, type ReleaseRef } from './entry.ts'
import { ReleaseError } from './errors.ts'
import { MODELS_ROLE, parseReleasePath, parseRolloutPath, ROLLOUT_ROLE } from './names.ts'
import { isReached, placeOf } from './place.ts'
import type { RefusedRelease, Release, ReleasePlan } from './release.ts'
import type { Walk } from './trust/verify.ts'

/** Entries of a rollout that are looked at; a fleet has a handful. */
const MAX_ENTRIES = 1_000
/** Any path of the rollout, so that tuf-js fetches and verifies the role. */
const PROBE = 'rollout/bundle/probe'

/**
 * What one vehicle shall have, by metadata that was verified. Each release that the online role
 * `rollout` names must also be one that the offline role `models` signed, same path, length and hash:
 * whoever steals an online key can pick among those, and bring in nothing.
 */
export async function planOf(
  walk: Walk,
  vehicle: string,
): Promise<Omit<ReleasePlan, 'versions' | 'expiresMs'>> {
  await walk.find(PROBE)
  const role = walk.verified.getRole(ROLLOUT_ROLE)
  const entries = Object.values(role?.signed.targets ?? {})
  if (entries.length > MAX_ENTRIES) {
    throw new ReleaseError('RELEASE_METADATA', `${entries.length} rollouts; ${MAX_ENTRIES} at most`)
  }
  const releases: Release[] = []
  const refused: RefusedRelease[] = []
  for (const target of entries) {
    try {
      const release = await releaseOf(walk, vehicle, target.path, {
        length: target.length,
        sha256: target.hashes.sha256,
        custom: target.custom,
      })
      if (release) releases.push(release)
    } catch (error) {
      if (!(error instanceof ReleaseError)) throw error
      // A source that breaks off in the middle is no judgement on the entry.
      if (!['RELEASE_UNAPPROVED', 'RELEASE_METADATA'].includes(error.code)) throw error
      refused.push({ entry: target.path, error })
    }
  }
  return { releases, refused }
}

async function releaseOf(
  walk: Walk,
  vehicle: string,
  path: string,
  target: { length: number; sha256: string | undefined; custom: unknown },
): Promise<Release | undefined> {
  const place = parseRolloutPath(path)
  if (!place) throw new ReleaseError('RELEASE_METADATA', `${path} is no rollout of this fleet`)
  const entry = parseEntry(path, target.custom)
  if (entry.candidate.sha256 !== target.sha256 || entry.candidate.length !== target.length) {
    throw unapproved(path, 'its candidate is not the target that was signed')
  }
  // Both are checked, whichever it is for this vehicle: a plan that points at strange models is no plan.
  await mustBeApproved(walk, path, entry.candidate)
  if (entry.base) await mustBeApproved(walk, path, entry.base)
  const at = placeOf(vehicle, entry.seed)
  const candidate = entry.state !== 'aborted' && isReached(at, entry.percent)
  const chosen = candidate ? entry.candidate : entry.base
  if (!chosen) return undefined
  return {
    ...place,
    version: chosen.version,
    path: chosen.path,
    length: chosen.length,
    sha256: chosen.sha256,
    rollout: {
      stage: entry.stage,
      seed: entry.seed,
      percent: entry.state === 'aborted' ? 0 : entry.percent,
      place: at,
      candidate,
    },
  }
}

async function mustBeApproved(walk: Walk, entry: string, ref: ReleaseRef): Promise<void> {
  const place = parseRolloutPath(entry)!
  const release = parseReleasePath(ref.path)
  if (release?.kind !== place.kind || release.name !== place.name) {
    throw unapproved(entry, `${ref.path} is no ${place.kind} of the name ${place.name}`)
  }
  if (release.version !== ref.version) throw unapproved(entry, `${ref.path} is not ${ref.version}`)
  const found = await walk.find(ref.path)
  // Found through the delegations, and by the role that approves, not by another that was put before it.
  const signed = walk.verified.getRole(MODELS_ROLE)?.signed.targets[ref.path]
  if (!found || !signed) throw unapproved(entry, `${ref.path} was not approved by ${MODELS_ROLE}`)
  for (const { length, hashes } of [found, signed]) {
    if (length !== ref.length || hashes.sha256 !== ref.sha256) {
      throw unapproved(entry, `${ref.path} was approved by ${MODELS_ROLE} with other bytes`)
    }
  }
}

function unapproved(entry: string, message: string): ReleaseError {
  return new ReleaseError('RELEASE_UNAPPROVED', `${entry}: ${message}`, {
    hint: 'The online key signed what the offline key did not approve. If nobody did that by mistake, the online key was stolen: rotate it. What runs goes on.',
  })
}
