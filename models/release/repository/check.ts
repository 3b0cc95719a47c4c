import { realDisk } from '../disk.ts'
import { ReleaseError } from '../errors.ts'
import { DEFAULT_LIMITS } from '../limits.ts'
import { consistentPath, METADATA_FOLDER, TARGETS_FOLDER } from '../names.ts'
import { planOf } from '../plan.ts'
import type { ReleaseLimits, ReleasePlan } from '../release.ts'
import type { ReleaseSource } from '../source.ts'
import { Store } from '../store.ts'
import { versionsSeen } from '../trust/floor.ts'
import { Trust } from '../trust/trust.ts'
import type { Walk } from '../trust/verify.ts'
import type { DraftRelease } from './draft.ts'
import { releasesIn } from './repository.ts'
import { expiryDaysOf, isDue, OFFLINE_ROLES, ROLES, type RoleName } from './roles.ts'
import { quorumOf } from './sign.ts'

export interface Problem {
  /** A vehicle refuses something because of an error; a warning will become one. */
  readonly severity: 'error' | 'warning'
  readonly code: string
  readonly message: string
  readonly hint?: string
}

export interface RoleReport {
  readonly role: RoleName
  readonly version: number
  readonly expires: string
  readonly keys: number
  readonly threshold: number
}

export interface Report {
  readonly problems: readonly Problem[]
  readonly roles: readonly RoleReport[]
  readonly releases: readonly DraftRelease[]
  /** What the vehicle that was asked for would have. */
  readonly plan: ReleasePlan | undefined
}

export interface CheckOptions {
  readonly source: ReleaseSource
  readonly trustedRoot: Uint8Array
  /** An empty folder for the time of checking. */
  readonly workDir: string
  readonly vehicle?: string
  /** Read every release and compare its hash. */
  readonly withReleases?: boolean
  readonly nowMs?: () => number
  readonly limits?: Partial<ReleaseLimits>
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: { file: string; bytes: number; totalBytes: number }) => void
}

/** Reads a repository as a vehicle would that knows only the trusted root, and says what is wrong. */
export async function checkRepository(options: CheckOptions): Promise<Report> {
  const { source, signal, nowMs = Date.now } = options
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const problems: Problem[] = []
  const report = (severity: Problem['severity'], error: unknown) => {
    if (!(error instanceof ReleaseError)) throw error
    const { code, message, hint } = error
    if (code === 'RELEASE_STOPPED') throw error
    problems.push({ severity, code, message, ...(hint ? { hint } : {}) })
  }
  const trust = new Trust({
    dir: options.workDir,
    source,
    folder: METADATA_FOLDER,
    clock: { nowMs, monoMs: () => 0 },
    trustedRoot: options.trustedRoot,
    limits,
    disk: realDisk,
  })
  try {
    const seen = await trust.refresh(signal, async (walk) => {
      const releases = await planOf(walk, options.vehicle ?? '')
      await walk.find('bundle/probe/0.tar')
      const versions = versionsSeen(walk.verified)
      const plan: ReleasePlan = { ...releases, versions, expiresMs: walk.expiresMs() }
      return { plan, ...lookAt(walk) }
    })
    for (const { error } of seen.plan.refused) report('error', error)
    problems.push(...warningsOf(seen.roles, seen.days, seen.sharedKeys, nowMs()))
    if (options.withReleases) await readAll(options, limits, seen.releases, report)
    const plan = options.vehicle === undefined ? undefined : seen.plan
    return { problems, roles: seen.roles, releases: seen.releases, plan }
  } catch (error) {
    report('error', error)
    return { problems, roles: [], releases: [], plan: undefined }
  }
}

function lookAt(walk: Walk) {
  const { root, targets, snapshot, timestamp } = walk.verified
  const metadata = {
    root,
    targets: targets!,
    snapshot: snapshot!,
    timestamp: timestamp!,
    models: walk.verified.getRole('models')!,
    rollout: walk.verified.getRole('rollout')!,
  }
  const online = new Set<string>()
  const offline = new Set<string>()
  const roles = ROLES.map((role): RoleReport => {
    const { keyIds, threshold } = quorumOf(root.signed, targets!.signed, role)
    for (const id of keyIds) (OFFLINE_ROLES.has(role) ? offline : online).add(id)
    const { version, expires } = metadata[role].signed
    return { role, version, expires, keys: keyIds.length, threshold }
  })
  return {
    roles,
    days: expiryDaysOf(root.signed),
    sharedKeys: [...online].filter((id) => offline.has(id)).length,
    releases: releasesIn(metadata.models.signed),
  }
}

function warningsOf(
  roles: readonly RoleReport[],
  days: ReturnType<typeof expiryDaysOf>,
  sharedKeys: number,
  nowMs: number,
): Problem[] {
  const warning = (code: string, message: string, hint: string): Problem => ({
    severity: 'warning',
    code,
    message,
    hint,
  })
  const due = roles.filter(({ role, expires }) => isDue(role, expires, days, nowMs))
  const found = due.map(({ role, expires }) =>
    warning(
      'RELEASE_EXPIRED',
      `${role} expires on ${expires.slice(0, 10)}`,
      role === 'root'
        ? 'Sign it anew: `milepost release key renew`.'
        : 'Sign it anew: `milepost release publish`.',
    ),
  )
  if (roles.find(({ role }) => role === 'root')!.threshold < 2) {
    found.push(
      warning(
        'RELEASE_ROOT',
        'a single key can sign root',
        'Who steals it owns the fleet. Give root a threshold of 2 or more.',
      ),
    )
  }
  if (sharedKeys > 0) {
    found.push(
      warning(
        'RELEASE_KEY',
        'an online key also signs for an offline role',
        'Rotate the offline role to a key of its own: `milepost release key rotate`.',
      ),
    )
  }
  return found
}

async function readAll(
  options: CheckOptions,
  limits: ReleaseLimits,
  releases: readonly DraftRelease[],
  report: (severity: Problem['severity'], error: unknown) => void,
): Promise<void> {
  const { source, signal, onProgress = () => {} } = options
  const store = new Store(realDisk, options.workDir, limits)
  const totalBytes = releases.reduce((sum, { length }) => sum + length, 0)
  let before = 0
  for (const { path, length, sha256 } of releases) {
    const wanted = {
      path: TARGETS_FOLDER + consistentPath(path, sha256),
      length,
      hashes: { sha256 },
    }
    try {
      await store.fetch(source, wanted, signal, ({ bytes }) =>
        onProgress({ file: path, bytes: before + bytes, totalBytes }),
      )
    } catch (error) {
      report('error', error)
    }
    before += length
    await store.keepOnly(new Set())
  }
}
