import { type Key, MetadataKind, Root, Targets } from '@tufjs/models'
import { MODELS_PATHS, MODELS_ROLE, ROLLOUT_PATHS, ROLLOUT_ROLE } from '../names.ts'

/** The roles of a milepost repository, in the order in which their files are written. */
export const ROLES = ['models', 'rollout', 'targets', 'snapshot', 'timestamp', 'root'] as const
export type RoleName = (typeof ROLES)[number]

/** Keys of these lie offline: they say what may run. The others are online and say who runs it when. */
export const OFFLINE_ROLES: ReadonlySet<RoleName> = new Set(['root', 'targets', 'models'])

export type ExpiryDays = Readonly<Record<RoleName, number>>

/** How long a signature of each role holds, in days. A USB stick works as long as its timestamp. */
export const DEFAULT_EXPIRY_DAYS: ExpiryDays = {
  root: 365,
  targets: 365,
  models: 365,
  rollout: 30,
  snapshot: 30,
  timestamp: 14,
}

/** Field of root in which these days are signed, so that every desk signs for as long. */
const EXPIRY_FIELD = 'x-milepost-expiry-days'

const SPEC_VERSION = '1.0.31'
const DAY_MS = 86_400_000

/** As TUF §4.1 wants a date: to the second. */
export function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

export function expiresIn(days: number, nowMs: number): string {
  return isoSeconds(nowMs + days * DAY_MS)
}

export function expiryDaysOf(root: Root): ExpiryDays {
  const days = root.unrecognizedFields[EXPIRY_FIELD]
  return { ...DEFAULT_EXPIRY_DAYS, ...(days as Partial<ExpiryDays> | undefined) }
}

/** Whether more than two thirds of a role's days are over. */
export function isDue(role: RoleName, expires: string, days: ExpiryDays, nowMs: number): boolean {
  return Date.parse(expires) - nowMs < (days[role] * DAY_MS) / 3
}

export interface FirstKeys {
  readonly root: readonly Key[]
  readonly rootThreshold: number
  readonly targets: Key
  readonly models: Key
  readonly rollout: Key
  readonly snapshot: Key
  readonly timestamp: Key
}

export function firstRoot(keys: FirstKeys, days: ExpiryDays, nowMs: number): Root {
  const all = [...keys.root, keys.targets, keys.snapshot, keys.timestamp]
  const role = (...members: Key[]) => ({ keyids: members.map(({ keyID }) => keyID), threshold: 1 })
  return Root.fromJSON({
    _type: MetadataKind.Root,
    spec_version: SPEC_VERSION,
    version: 1,
    expires: expiresIn(days.root, nowMs),
    consistent_snapshot: true,
    keys: Object.fromEntries(all.map((key) => [key.keyID, key.toJSON()])),
    roles: {
      root: { ...role(...keys.root), threshold: keys.rootThreshold },
      targets: role(keys.targets),
      snapshot: role(keys.snapshot),
      timestamp: role(keys.timestamp),
    },
    [EXPIRY_FIELD]: { ...days },
  })
}

/** The top-level targets: no file of its own, only who may name which. */
export function delegatingTargets(
  models: readonly Key[],
  rollout: readonly Key[],
  expires: string,
): Targets {
  const delegation = (name: string, keys: readonly Key[], paths: readonly string[]) => ({
    name,
    keyids: keys.map(({ keyID }) => keyID),
    threshold: 1,
    // Nobody after it in the list is asked for its paths.
    terminating: true,
    paths: [...paths],
  })
  return Targets.fromJSON({
    _type: MetadataKind.Targets,
    spec_version: SPEC_VERSION,
    version: 1,
    expires,
    targets: {},
    delegations: {
      keys: Object.fromEntries([...models, ...rollout].map((key) => [key.keyID, key.toJSON()])),
      roles: [
        delegation(MODELS_ROLE, models, MODELS_PATHS),
        delegation(ROLLOUT_ROLE, rollout, ROLLOUT_PATHS),
      ],
    },
  })
}

export function emptyTargets(expires: string): Targets {
  return new Targets({ specVersion: SPEC_VERSION, version: 1, expires })
}

/** The same metadata to be changed: nobody changes what was verified. */
export function copyOf<T extends Root | Targets>(signed: T): T {
  const json = structuredClone(signed.toJSON())
  return (signed instanceof Root ? Root.fromJSON(json) : Targets.fromJSON(json)) as T
}
