import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Key, Metadata, MetadataKind, type Root, Snapshot, Timestamp } from '@tufjs/models'
import { ReleaseError } from '../errors.ts'
import { METADATA_FOLDER } from '../names.ts'
import { ISSUED_FIELD } from '../trust/trust.ts'
import type { KeyRing } from './keys.ts'
import {
  DEFAULT_EXPIRY_DAYS,
  delegatingTargets,
  type ExpiryDays,
  emptyTargets,
  expiresIn,
  expiryDaysOf,
  firstRoot,
  isoSeconds,
  type RoleName,
} from './roles.ts'
import { writeSecret } from './secret-file.ts'
import { fileOf, metaFile, quorumOf, type Signed, signedBytes, signersOf } from './sign.ts'
import type { RepositoryStore } from './store.ts'

export interface InitOptions {
  readonly store: RepositoryStore
  readonly keys: KeyRing
  /** Keys of root, and how many of them it takes: 2 or more. */
  readonly rootKeys?: number
  readonly rootThreshold?: number
  readonly expiryDays?: Partial<ExpiryDays>
  readonly nowMs?: () => number
}

const MAX_ROOT_KEYS = 20

/**
 * Makes the keys that are missing and an empty repository, and lays its root beside the keys: that file
 * goes to the vehicles. Killed and run again, it goes on with the keys that were made.
 */
export async function initRepository(options: InitOptions): Promise<{ rootPath: string }> {
  const { store, keys, rootKeys = 3, rootThreshold = 2 } = options
  const now = options.nowMs ?? Date.now
  if (rootThreshold < 2 || rootKeys < rootThreshold || rootKeys > MAX_ROOT_KEYS) {
    throw new ReleaseError('RELEASE_INPUT', `${rootThreshold} of ${rootKeys} keys for root`, {
      hint: 'Root wants a threshold of 2 or more, and at least so many keys: one more than the threshold lets you lose one.',
    })
  }
  if ((await store.has(`${METADATA_FOLDER}timestamp.json`)) !== undefined) {
    throw new ReleaseError('RELEASE_REPOSITORY', `${store.name} holds a repository already`, {
      hint: 'Publish to it, or give another place.',
    })
  }
  const rootPath = join(keys.dir, 'root.json')
  const root = await rootOf(options, rootPath)
  const days = expiryDaysOf(root.signed)
  const key = async (name: string) => keyOf(keys, name)
  const targets = delegatingTargets(
    [await key('models-1')],
    [await key('rollout-1')],
    expiresIn(days.targets, now()),
  )
  const bodies = {
    models: emptyTargets(expiresIn(days.models, now())),
    rollout: emptyTargets(expiresIn(days.rollout, now())),
    targets,
  }
  const put = async (role: RoleName, signed: Signed) => {
    const signers = await signersOf(keys, role, [quorumOf(root.signed, targets, role)])
    const bytes = signedBytes(signed, signers)
    // No timestamp is there, so nobody has read what an earlier, unfinished init wrote.
    await store.put(METADATA_FOLDER + fileOf(role, 1), bytes)
    return metaFile(1, bytes)
  }
  const meta = {
    'models.json': await put('models', bodies.models),
    'rollout.json': await put('rollout', bodies.rollout),
    'targets.json': await put('targets', bodies.targets),
  }
  await store.put(METADATA_FOLDER + fileOf('root', 1), await readFile(rootPath))
  const { specVersion } = targets
  const snapshot = new Snapshot({
    specVersion,
    version: 1,
    expires: expiresIn(days.snapshot, now()),
    meta,
  })
  const timestamp = new Timestamp({
    specVersion,
    version: 1,
    expires: expiresIn(days.timestamp, now()),
    snapshotMeta: await put('snapshot', snapshot),
    unrecognizedFields: { [ISSUED_FIELD]: isoSeconds(now()) },
  })
  await put('timestamp', timestamp)
  return { rootPath }
}

/** The root that an earlier, unfinished init signed, else a new one. */
async function rootOf(options: InitOptions, rootPath: string): Promise<Metadata<Root>> {
  const { keys, rootKeys = 3, rootThreshold = 2 } = options
  const text = await readFile(rootPath, 'utf8').catch(() => undefined)
  if (text !== undefined) return Metadata.fromJSON(MetadataKind.Root, JSON.parse(text))
  const root: Key[] = []
  for (let number = 1; number <= rootKeys; number++) root.push(await keyOf(keys, `root-${number}`))
  const days = { ...DEFAULT_EXPIRY_DAYS, ...options.expiryDays }
  const signed = firstRoot(
    {
      root,
      rootThreshold,
      targets: await keyOf(keys, 'targets-1'),
      models: await keyOf(keys, 'models-1'),
      rollout: await keyOf(keys, 'rollout-1'),
      snapshot: await keyOf(keys, 'snapshot-1'),
      timestamp: await keyOf(keys, 'timestamp-1'),
    },
    days,
    (options.nowMs ?? Date.now)(),
  )
  const { keyIDs, threshold } = signed.roles.root
  const signers = await signersOf(keys, 'root', [{ keyIds: keyIDs, threshold }])
  await writeSecret(rootPath, signedBytes(signed, signers).toString('utf8'), 0o644)
  return Metadata.fromJSON(MetadataKind.Root, JSON.parse(await readFile(rootPath, 'utf8')))
}

async function keyOf(keys: KeyRing, name: string): Promise<Key> {
  return keys.list().find((known) => known.name === name)?.key ?? (await keys.create(name))
}
