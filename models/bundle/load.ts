import { posix } from 'node:path'
import { clustersOf } from '../clustering/bytes.ts'
import { ModelError } from '../errors.ts'
import type { ClusterParts, ModelParts } from '../runtime.ts'
import { bundleHash, sha256Of } from './canonical.ts'
import { checkManifest, MANIFEST_FILE } from './check.ts'
import { readInside } from './folder.ts'
import type { Manifest } from './manifest.ts'
import { partsOf } from './parts.ts'
import { staysInside } from './paths.ts'

/** The bundle's hash in words for `sha256`, so that a changed manifest is noticed on its own. */
export const HASH_FILE = 'bundle.sha256'
export const MAX_MANIFEST_BYTES = 1 << 20
export const MAX_FILE_BYTES = 64 << 20
export const MAX_BUNDLE_BYTES = 128 << 20

export { checkManifest, MANIFEST_FILE }

/** A verified bundle, in memory: what was hashed is what will run. */
export interface Bundle {
  /** The folder or archive that it was read from. */
  readonly dir: string
  /** sha256 over the canonical manifest, which lists the hash of every file. */
  readonly hash: string
  readonly manifest: Manifest
  /** What runs it: a network, or clusters. */
  readonly model: ModelParts | ClusterParts
}

const ANEW = 'Fetch or copy the bundle anew; the one in use stays in use.'

/**
 * Reads and verifies a bundle folder: sizes, paths, hashes, shapes, weights. Golden rows are checked
 * by `openNetwork`, which has a runtime.
 * @param wantedHash the hash that the bundle must have, if a release or config names it
 * @throws ModelError `BUNDLE_MISSING`, `BUNDLE_MANIFEST`, `BUNDLE_PATH`, `BUNDLE_LIMIT`,
 *   `BUNDLE_HASH`, `BUNDLE_SHAPE` or `BUNDLE_WEIGHTS`
 */
export function loadBundle(dir: string, wantedHash?: string): Bundle {
  return bundleFrom(dir, (path, maxBytes) => readInside(dir, path, maxBytes), wantedHash)
}

/** Gives the content of a file of a bundle by its path in it; refuses one of more than `maxBytes`. */
export type BundleReader = (path: string, maxBytes: number) => Buffer

/** `loadBundle`, whatever the bundle's files lie in. */
export function bundleFrom(dir: string, read: BundleReader, wantedHash?: string): Bundle {
  const text = read(MANIFEST_FILE, MAX_MANIFEST_BYTES).toString('utf8')
  const json = parseJson(text)
  const manifest = checkManifest(json)
  const hash = bundleHash(json)
  const written = read(HASH_FILE, 256).toString('utf8').trim().split(/\s/)[0]
  for (const [wanted, by] of [
    [written, HASH_FILE],
    [wantedHash ?? hash, 'the release'],
  ]) {
    if (wanted !== hash) {
      throw new ModelError('BUNDLE_HASH', `the manifest has hash ${hash}, ${by} says ${wanted}`, {
        hint: `Something changed manifest.json after it was written. ${ANEW}`,
      })
    }
  }
  const files = readFiles(read, manifest)
  const model = modelOf(manifest, files)
  const bytes = 'centres' in model ? 8 * model.count * (2 * model.inputs + 1) : model.weights.length
  if (bytes > manifest.limits.memoryBytes) {
    throw new ModelError(
      'BUNDLE_LIMIT',
      `weights are ${bytes} bytes, the manifest allows ${manifest.limits.memoryBytes}`,
      { hint: ANEW },
    )
  }
  return { dir, hash, manifest, model }
}

function modelOf(
  manifest: Manifest,
  files: ReadonlyMap<string, Buffer>,
): ModelParts | ClusterParts {
  if (manifest.kind === 'clustering') {
    const { file, count, inputs } = manifest.clusters
    const bytes = files.get(file)
    if (!bytes) throw notListed(file)
    return clustersOf(bytes, count, inputs)
  }
  const networkFile = manifest.network.file
  const text = files.get(networkFile)
  if (!text) throw notListed(networkFile)
  return partsOf(Buffer.from(text).toString('utf8'), (path) => {
    const full = posix.join(posix.dirname(networkFile), path)
    const content = staysInside(full) ? files.get(full) : undefined
    if (!content) throw notListed(path)
    return content
  })
}

function notListed(path: string): ModelError {
  return new ModelError('BUNDLE_PATH', `${path} is not among the files of the manifest`, {
    hint: 'Do not use this bundle: a file that is not listed is a file that nobody hashed.',
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ModelError('BUNDLE_MANIFEST', `${MANIFEST_FILE} is not JSON`, { cause, hint: ANEW })
  }
}

function readFiles(read: BundleReader, manifest: Manifest): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  let left = MAX_BUNDLE_BYTES
  for (const { path, bytes, sha256 } of manifest.files) {
    const content = read(path, Math.min(MAX_FILE_BYTES, left))
    left -= content.length
    if (content.length !== bytes || sha256Of(content) !== sha256) {
      throw new ModelError(
        'BUNDLE_HASH',
        `${path} is not what the manifest says (${content.length} of ${bytes} bytes)`,
        { hint: `The file was changed or cut short. ${ANEW}` },
      )
    }
    files.set(path, content)
  }
  return files
}
