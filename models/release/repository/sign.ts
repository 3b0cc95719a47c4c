import {
  Metadata,
  type MetadataKind,
  MetaFile,
  type Root,
  type Snapshot,
  type Targets,
  type Timestamp,
} from '@tufjs/models'
import { sha256Of } from '../../bundle/canonical.ts'
import { ReleaseError } from '../errors.ts'
import type { KeyRing, Signer } from './keys.ts'
import { ROLES, type RoleName } from './roles.ts'

export type Signed = Root | Targets | Snapshot | Timestamp

/** Which keys sign a role: ids and how many of them it takes. */
export interface Quorum {
  readonly keyIds: readonly string[]
  readonly threshold: number
}

export function quorumOf(root: Root, targets: Targets, role: RoleName): Quorum {
  const found =
    role === 'models' || role === 'rollout' ? targets.delegations?.roles?.[role] : root.roles[role]
  if (!found) throw new ReleaseError('RELEASE_REPOSITORY', `nobody may sign ${role} here`)
  return { keyIds: found.keyIDs, threshold: found.threshold }
}

/**
 * Opens the keys of the quorums of one role, before a byte of it is written.
 * @param required each of these must be met
 * @param welcome of this whatever is at hand signs too: those who know an older root alone shall
 *   accept what is new until they have the new root
 */
export async function signersOf(
  keys: KeyRing,
  role: RoleName,
  required: readonly Quorum[],
  welcome?: Quorum,
): Promise<Signer[]> {
  const chosen = new Set<string>()
  for (const { keyIds, threshold } of required) {
    // A key that stands in several quorums counts for each.
    const sorted = [...keyIds].sort((a, b) => Number(chosen.has(b)) - Number(chosen.has(a)))
    let met = 0
    for (const id of sorted) {
      if (met === threshold) break
      if (!(await keys.holds(id))) continue
      chosen.add(id)
      met++
    }
    if (met < threshold) {
      const names = keyIds.map((id) => keys.nameOf(id) ?? `${id.slice(0, 12)}…`)
      throw new ReleaseError(
        'RELEASE_KEY',
        `${role} wants ${threshold} of the keys ${names.join(', ')}; ${met} are in ${keys.dir}`,
        {
          hint: 'Bring the missing keys into that folder, or run this where they are.',
        },
      )
    }
  }
  for (const id of welcome?.keyIds ?? []) if (await keys.holds(id)) chosen.add(id)
  return Promise.all([...chosen].map((id) => keys.signer(id)))
}

/** The same metadata under another version. */
export function stamped<T extends Signed>(signed: T, version: number, expires: string): T {
  const json = { ...structuredClone(signed.toJSON()), version, expires }
  const { fromJSON } = signed.constructor as unknown as { fromJSON(json: unknown): T }
  return fromJSON(json)
}

/** Metadata as it goes to the repository. */
export function signedBytes(signed: Signed, signers: readonly Signer[]): Buffer {
  const metadata = new Metadata<Signed>(signed)
  for (const signer of signers) metadata.sign(signer)
  return metadataBytes(metadata)
}

export function metadataBytes(metadata: Metadata<Signed>): Buffer {
  return Buffer.from(`${JSON.stringify(metadata.toJSON(), null, 1)}\n`)
}

export function fileOf(role: RoleName | MetadataKind, version: number): string {
  return role === 'timestamp' ? 'timestamp.json' : `${version}.${role}.json`
}

export function isRole(name: string): name is RoleName {
  return (ROLES as readonly string[]).includes(name)
}

/** What snapshot and timestamp tell of a file of metadata. */
export function metaFile(version: number, bytes: Buffer): MetaFile {
  return new MetaFile({ version, length: bytes.length, hashes: { sha256: sha256Of(bytes) } })
}
