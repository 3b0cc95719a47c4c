import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Key, Metadata, MetadataKind, type Root, type Targets } from '@tufjs/models'
import { ReleaseError } from '../errors.ts'
import { DEFAULT_LIMITS, MAX_ROOT_BYTES } from '../limits.ts'
import { METADATA_FOLDER } from '../names.ts'
import { readWhole } from '../transfer.ts'
import { type Committed, Desk, type DeskOptions } from './desk.ts'
import type { KeyRing } from './keys.ts'
import { copyOf, OFFLINE_ROLES, ROLES, type RoleName } from './roles.ts'
import { fileOf, quorumOf, stamped } from './sign.ts'
import type { Change, State } from './state.ts'

export interface KeyUse {
  readonly name: string
  readonly keyId: string
  /** Role that trusts it now; undefined for one that was rotated away or never used. */
  readonly role: RoleName | undefined
  readonly threshold: number | undefined
  readonly offline: boolean
  /** Whether its secret half is in the folder. */
  readonly here: boolean
}

/** Every key of the roles, and every key of the folder. */
export async function keyUses(options: DeskOptions, signal?: AbortSignal): Promise<KeyUse[]> {
  const { keys } = options
  const state = await new Desk(options).load(signal)
  const uses: KeyUse[] = []
  for (const role of ROLES) {
    const { keyIds, threshold } = quorumOf(state.root.signed, state.targets.signed, role)
    for (const keyId of keyIds) {
      uses.push({
        name: keys.nameOf(keyId) ?? `${keyId.slice(0, 12)}…`,
        keyId,
        role,
        threshold,
        offline: OFFLINE_ROLES.has(role),
        here: await keys.holds(keyId),
      })
    }
  }
  for (const { name, key } of keys.list()) {
    if (uses.some(({ keyId }) => keyId === key.keyID)) continue
    const here = await keys.holds(key.keyID)
    uses.push({
      name,
      keyId: key.keyID,
      role: undefined,
      threshold: undefined,
      offline: false,
      here,
    })
  }
  return uses
}

/**
 * Gives a role a new key instead of the one it has, or one key of several. Root signs for the
 * top-level roles, targets for `models` and `rollout`. Killed and run again, it takes the key that was
 * made. What the old key signed last stays good until vehicles have the new root.
 * @param replaced name of the key that goes, where the role has several
 */
export async function rotateKey(
  options: DeskOptions,
  role: RoleName,
  replaced?: string,
  signal?: AbortSignal,
): Promise<Committed & { readonly key: string }> {
  let fresh: Key | undefined
  const committed = await new Desk(options).commit(
    async (state) => {
      const rotated = await rotation(options.keys, state, role, replaced)
      fresh = rotated.fresh
      return rotated.change
    },
    { offline: true, signal },
  )
  const signed = committed?.signed ?? []
  const root = signed.find((each) => each.role === 'root')
  if (root) await pinRoot(options, root.version)
  return { signed, key: options.keys.nameOf(fresh!.keyID)! }
}

/** What is signed anew where a role gets a new key, and that key. */
export async function rotation(
  keys: KeyRing,
  state: State,
  role: RoleName,
  replaced: string | undefined,
): Promise<{ change: Change; fresh: Key }> {
  const { keyIds } = quorumOf(state.root.signed, state.targets.signed, role)
  const old = oneOf(keys, role, keyIds, replaced)
  const fresh = unusedKey(keys, state, role) ?? (await keys.create(nextName(keys, role)))
  const members = keyIds.map((id) => (id === old ? fresh.keyID : id))
  if (role === 'models' || role === 'rollout') {
    const targets = withDelegation(state.targets.signed, role, members, fresh)
    return { change: { targets, [role]: copyOf(state[role].signed) }, fresh }
  }
  const root = withRole(state.root.signed, role, members, fresh)
  const targets = role === 'targets' ? copyOf(state.targets.signed) : undefined
  return { change: targets ? { root, targets } : { root }, fresh }
}

/** Signs root anew before its days are over. */
export async function renewRoot(options: DeskOptions, signal?: AbortSignal): Promise<Committed> {
  const committed = await new Desk(options).commit(
    (state) => ({ root: copyOf(state.root.signed) }),
    { offline: true, signal },
  )
  const signed = committed?.signed ?? []
  const root = signed.find((each) => each.role === 'root')
  if (root) await pinRoot(options, root.version)
  return { signed }
}

/** New vehicles are to begin with the newest root. */
export async function pinRoot({ store, keys }: DeskOptions, version: number): Promise<void> {
  const path = METADATA_FOLDER + fileOf('root', version)
  const bytes = await readWhole(store, path, { maxBytes: MAX_ROOT_BYTES, limits: DEFAULT_LIMITS })
  // Read back through the desk once more: only a root that follows from the one before is laid down.
  const { root } = await new Desk({ store, keys }).load()
  const read = Metadata.fromJSON(MetadataKind.Root, JSON.parse(bytes.toString('utf8')))
  if (root.signed.equals(read.signed)) await writeFile(join(keys.dir, 'root.json'), bytes)
}

function oneOf(
  keys: KeyRing,
  role: RoleName,
  keyIds: readonly string[],
  replaced: string | undefined,
): string {
  const names = keyIds.map((id) => keys.nameOf(id) ?? id)
  const at = replaced === undefined && keyIds.length === 1 ? 0 : names.indexOf(replaced ?? '')
  if (at >= 0) return keyIds[at]
  throw new ReleaseError('RELEASE_INPUT', `which key of ${role} goes?`, {
    hint: `Name it with --replace: ${names.join(', ')}.`,
  })
}

/** A key of that role's name that no role trusts: one that an unfinished rotation made. */
function unusedKey(keys: KeyRing, state: State, role: RoleName): Key | undefined {
  const numbered = numbers(keys, role)
  const newest = numbered.at(-1)
  if (!newest) return undefined
  const trusted = new Set(
    ROLES.flatMap((each) => quorumOf(state.root.signed, state.targets.signed, each).keyIds),
  )
  // Only one that is newer than all that were ever trusted: an old one was rotated away with reason.
  const last = Math.max(
    0,
    ...numbered.filter(({ key }) => trusted.has(key.keyID)).map(({ number }) => number),
  )
  return newest.number > last ? newest.key : undefined
}

function nextName(keys: KeyRing, role: RoleName): string {
  return `${role}-${(numbers(keys, role).at(-1)?.number ?? 0) + 1}`
}

function numbers(keys: KeyRing, role: RoleName): { number: number; key: Key }[] {
  return keys
    .list()
    .flatMap(({ name, key }) => {
      const [, of, number] = /^(\w+)-(\d+)$/.exec(name) ?? []
      return of === role ? [{ number: Number(number), key }] : []
    })
    .sort((a, b) => a.number - b.number)
}

function withRole(root: Root, role: RoleName, keyIds: readonly string[], fresh: Key): Root {
  const json = structuredClone(root.toJSON()) as {
    keys: Record<string, unknown>
    roles: Record<string, { keyids: string[] }>
  }
  json.keys[fresh.keyID] = fresh.toJSON()
  json.roles[role].keyids = [...keyIds]
  const used = new Set(Object.values(json.roles).flatMap(({ keyids }) => keyids))
  for (const id of Object.keys(json.keys)) if (!used.has(id)) delete json.keys[id]
  return fromJson(root, json)
}

function withDelegation(
  targets: Targets,
  role: 'models' | 'rollout',
  keyIds: readonly string[],
  fresh: Key,
): Targets {
  const json = structuredClone(targets.toJSON()) as {
    delegations: { keys: Record<string, unknown>; roles: { name: string; keyids: string[] }[] }
  }
  const { keys, roles } = json.delegations
  keys[fresh.keyID] = fresh.toJSON()
  roles.find(({ name }) => name === role)!.keyids = [...keyIds]
  const used = new Set(roles.flatMap(({ keyids }) => keyids))
  for (const id of Object.keys(keys)) if (!used.has(id)) delete keys[id]
  return fromJson(targets, json)
}

function fromJson<T extends Root | Targets>(like: T, json: unknown): T {
  const { fromJSON } = like.constructor as unknown as { fromJSON(json: unknown): T }
  const made = fromJSON(json)
  return stamped(made, like.version, like.expires)
}
