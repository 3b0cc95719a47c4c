import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Metadata, MetadataKind, type Root } from '@tufjs/models'
import { ReleaseError } from '../errors.ts'
import { type Committed, Desk, type DeskOptions } from './desk.ts'
import type { KeyRing } from './keys.ts'
import { copyOf, expiresIn, expiryDaysOf, type RoleName } from './roles.ts'
import { pinRoot, rotation } from './rotate.ts'
import { metadataBytes, stamped } from './sign.ts'

/** A next root on its way from holder to holder, and how far it is. */
export interface Proposal {
  readonly bytes: Buffer
  readonly version: number
  /** Signatures that it has and needs: of the keys of the root in force, and of its own. */
  readonly before: { readonly have: number; readonly need: number }
  readonly own: { readonly have: number; readonly need: number }
  readonly complete: boolean
}

/**
 * Writes the next root, signed with what root keys are here, for the other holders to sign, each on his
 * own machine: no two root keys have to meet.
 * @param role gets a new key; where absent the root is the same, for another year
 */
export async function proposeRoot(
  options: DeskOptions,
  role?: RoleName,
  replaced?: string,
): Promise<Proposal> {
  const desk = new Desk(options)
  const state = await desk.load()
  if (role === 'models' || role === 'rollout') {
    throw new ReleaseError('RELEASE_INPUT', `targets, not root, gives ${role} its key`, {
      hint: 'Rotate it without --out, where the key of targets is.',
    })
  }
  const changed = role && (await rotation(options.keys, state, role, replaced)).change.root
  const body = changed ?? copyOf(state.root.signed)
  const { version } = state.root.signed
  const expires = expiresIn(expiryDaysOf(body).root, desk.nowMs())
  return signed(options.keys, state.root, new Metadata(stamped(body, version + 1, expires)))
}

/** Adds the signatures of the root keys that are here. The root beside them says what it follows from. */
export async function signProposal(keys: KeyRing, bytes: Uint8Array): Promise<Proposal> {
  const pinned = parseRoot(await readFile(join(keys.dir, 'root.json')))
  const proposed = parseRoot(bytes)
  mustFollow(pinned, proposed)
  return signed(keys, pinned, proposed)
}

/** Publishes a root that enough holders have signed, with what the online keys have to sign for it. */
export async function applyProposal(options: DeskOptions, bytes: Uint8Array): Promise<Committed> {
  const signedRoot = parseRoot(bytes)
  const committed = await new Desk(options).commit(
    (state) => {
      mustFollow(state.root, signedRoot)
      const { complete, before, own } = progressOf(state.root, signedRoot)
      if (!complete) {
        throw new ReleaseError(
          'RELEASE_KEY',
          `signed by ${before.have} of ${before.need} old and ${own.have} of ${own.need} new root keys`,
          { hint: 'Take it to the next holder: `milepost release key sign`.' },
        )
      }
      const ids = (root: Root) => root.roles.targets.keyIDs.join()
      const isNewTargets = ids(state.root.signed) !== ids(signedRoot.signed)
      return isNewTargets ? { signedRoot, targets: copyOf(state.targets.signed) } : { signedRoot }
    },
    { offline: true },
  )
  await pinRoot(options, signedRoot.signed.version)
  return committed!
}

async function signed(
  keys: KeyRing,
  before: Metadata<Root>,
  proposed: Metadata<Root>,
): Promise<Proposal> {
  const ids = [before, proposed].flatMap(({ signed: root }) => root.roles.root.keyIDs)
  for (const id of new Set(ids)) {
    if (await keys.holds(id)) proposed.sign(await keys.signer(id))
  }
  return progressOf(before, proposed)
}

function progressOf(before: Metadata<Root>, proposed: Metadata<Root>): Proposal {
  const count = ({ roles, keys }: Root) => ({
    have: roles.root.keyIDs.filter((id) => isSigned(proposed, keys[id])).length,
    need: roles.root.threshold,
  })
  const [old, own] = [count(before.signed), count(proposed.signed)]
  return {
    bytes: metadataBytes(proposed),
    version: proposed.signed.version,
    before: old,
    own,
    complete: old.have >= old.need && own.have >= own.need,
  }
}

function isSigned(metadata: Metadata<Root>, key: Root['keys'][string] | undefined): boolean {
  try {
    key?.verifySignature(metadata)
    return key !== undefined
  } catch {
    return false
  }
}

function mustFollow(before: Metadata<Root>, proposed: Metadata<Root>): void {
  const { version } = proposed.signed
  if (version === before.signed.version + 1) return
  throw new ReleaseError(
    'RELEASE_INPUT',
    `root ${version} does not follow root ${before.signed.version}`,
    { hint: 'Copy the newest root.json beside the keys, or propose anew.' },
  )
}

function parseRoot(bytes: Uint8Array): Metadata<Root> {
  try {
    return Metadata.fromJSON(MetadataKind.Root, JSON.parse(Buffer.from(bytes).toString('utf8')))
  } catch (error) {
    throw new ReleaseError('RELEASE_INPUT', `this is no root: ${(error as Error).message}`, {
      cause: error,
      hint: 'Give the file that `milepost release key renew --out` or `key rotate --out` wrote.',
    })
  }
}
