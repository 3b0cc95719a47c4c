import { createHash } from 'node:crypto'
import { realDisk } from '../disk.ts'
import { ReleaseError } from '../errors.ts'
import { DEFAULT_LIMITS, MAX_ROOT_BYTES } from '../limits.ts'
import { consistentPath, METADATA_FOLDER, TARGETS_FOLDER } from '../names.ts'
import type { ReleaseSource } from '../source.ts'
import { readWhole } from '../transfer.ts'
import { Trust } from '../trust/trust.ts'
import { releasesIn } from './repository.ts'
import { rolloutsIn } from './rollouts.ts'
import { fileOf } from './sign.ts'
import type { RepositoryStore } from './store.ts'

export interface MirrorOptions {
  readonly source: ReleaseSource
  readonly store: RepositoryStore
  /** Any root that the source's roots follow from. */
  readonly trustedRoot: Uint8Array
  /** An empty folder for the time of copying. */
  readonly workDir: string
  /** Only releases that a rollout names: what vehicles need now. */
  readonly onlyRollout?: boolean
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: { file: string; bytes: number; totalBytes: number }) => void
}

export interface Mirrored {
  readonly copied: number
  readonly copiedBytes: number
  /** Releases that were there already. */
  readonly present: number
}

/**
 * Copies a repository, verified, to a stick or a bucket: releases first, the timestamp last, so that
 * who reads the copy meanwhile sees the old one or the new one. Broken off and run again, it goes on.
 */
export async function mirrorRepository(options: MirrorOptions): Promise<Mirrored> {
  const { source, store, signal, onProgress = () => {} } = options
  const trust = new Trust({
    dir: options.workDir,
    source,
    folder: METADATA_FOLDER,
    clock: { nowMs: Date.now, monoMs: () => performance.now() },
    trustedRoot: options.trustedRoot,
    limits: DEFAULT_LIMITS,
    disk: realDisk,
  })
  const { releases, versions, rootFrom } = await trust.refresh(signal, async (walk) => {
    await walk.find('bundle/probe/0.tar')
    await walk.find('rollout/bundle/probe')
    const { root, snapshot, timestamp } = walk.verified
    const all = releasesIn(walk.verified.getRole('models')!.signed)
    const named = new Set(
      rolloutsIn(walk.verified.getRole('rollout')!.signed).flatMap(({ entry }) =>
        entry.base ? [entry.candidate.path, entry.base.path] : [entry.candidate.path],
      ),
    )
    return {
      releases: options.onlyRollout ? all.filter(({ path }) => named.has(path)) : all,
      versions: [
        ...['models', 'rollout', 'targets'].map(
          (role) => [role, snapshot!.signed.meta[`${role}.json`].version] as const,
        ),
        ['snapshot', snapshot!.signed.version] as const,
        ['timestamp', timestamp!.signed.version] as const,
      ],
      rootFrom: root.signed.version,
    }
  })
  const totalBytes = releases.reduce((sum, { length }) => sum + length, 0)
  let bytes = 0
  let copied = 0
  let copiedBytes = 0
  for (const { path, length, sha256 } of releases) {
    const file = TARGETS_FOLDER + consistentPath(path, sha256)
    onProgress({ file: path, bytes, totalBytes })
    if (!(await isThere(store, file, length, sha256, signal))) {
      const content = await readWhole(source, file, {
        maxBytes: length,
        limits: DEFAULT_LIMITS,
        signal,
      })
      if (hashOf(content) !== sha256) {
        throw new ReleaseError('RELEASE_HASH', `${source.name} has other bytes for ${path}`, {
          hint: 'Add that release again from its file, then mirror.',
        })
      }
      await store.put(file, content)
      copied++
      copiedBytes += length
    }
    bytes += length
  }
  const files = await trust.files()
  for (let version = 1; version <= rootFrom; version++) {
    const file = METADATA_FOLDER + fileOf('root', version)
    await store.put(
      file,
      await readWhole(source, file, { maxBytes: MAX_ROOT_BYTES, limits: DEFAULT_LIMITS, signal }),
    )
  }
  for (const [role, version] of versions) {
    const content = files.get(`${role}.json`)!
    await store.put(METADATA_FOLDER + fileOf(role as 'models', version), content)
  }
  return { copied, copiedBytes, present: releases.length - copied }
}

async function isThere(
  store: RepositoryStore,
  file: string,
  length: number,
  sha256: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if ((await store.has(file)) !== length) return false
  const options = { maxBytes: length, limits: DEFAULT_LIMITS, signal }
  return hashOf(await readWhole(store, file, options)) === sha256
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
