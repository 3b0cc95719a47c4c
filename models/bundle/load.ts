import { posix } from 'node:path'
import { ModelError } from '../errors.ts'
import type { ModelParts } from '../runtime.ts'
import { reconstructionScore } from '../score.ts'
import { bundleHash, sha256Of } from './canonical.ts'
import { readInside } from './folder.ts'
import { MANIFEST_FORMAT, type Manifest, manifestSchema } from './manifest.ts'
import { partsOf } from './parts.ts'
import { staysInside } from './paths.ts'

export const MANIFEST_FILE = 'manifest.json'
/** The bundle's hash in words for `sha256`, so that a changed manifest is noticed on its own. */
export const HASH_FILE = 'bundle.sha256'
export const MAX_MANIFEST_BYTES = 1 << 20
export const MAX_FILE_BYTES = 64 << 20
export const MAX_BUNDLE_BYTES = 128 << 20

/** A verified bundle, in memory: what was hashed is what will run. */
export interface Bundle {
  /** The folder or archive that it was read from. */
  readonly dir: string
  /** sha256 over the canonical manifest, which lists the hash of every file. */
  readonly hash: string
  readonly manifest: Manifest
  readonly model: ModelParts
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
  const networkFile = manifest.network.file
  const text2 = files.get(networkFile)
  if (!text2) throw notListed(networkFile)
  const model = partsOf(Buffer.from(text2).toString('utf8'), (path) => {
    const full = posix.join(posix.dirname(networkFile), path)
    const content = staysInside(full) ? files.get(full) : undefined
    if (!content) throw notListed(path)
    return content
  })
  if (model.weights.length > manifest.limits.memoryBytes) {
    throw new ModelError(
      'BUNDLE_LIMIT',
      `weights are ${model.weights.length} bytes, the manifest allows ${manifest.limits.memoryBytes}`,
      { hint: ANEW },
    )
  }
  return { dir, hash, manifest, model }
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

/** Checks a manifest on its own: its form, and that its parts agree with each other. */
export function checkManifest(json: unknown): Manifest {
  const format = (json as { format?: unknown } | null)?.format
  if (typeof format === 'number' && format > MANIFEST_FORMAT) {
    throw new ModelError('BUNDLE_MANIFEST', `the bundle has format ${format}`, {
      hint: `This milepost reads format ${MANIFEST_FORMAT}: update it before the bundle.`,
    })
  }
  const parsed = manifestSchema.safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new ModelError(
      'BUNDLE_MANIFEST',
      `${MANIFEST_FILE}: ${issue.path.join('.') || '(top)'}: ${issue.message}`,
      { hint: ANEW },
    )
  }
  const manifest = parsed.data
  const { inputs, outputs } = manifest.network
  const width = manifest.features.inputs.length
  const errors = new Float64Array(outputs)
  const problem =
    inputs !== width
      ? `${width} inputs are described, the network takes ${inputs}`
      : outputs !== inputs
        ? `a reconstruction gives back its ${inputs} inputs, this network has ${outputs} outputs`
        : manifest.output.weights.length !== outputs
          ? `${manifest.output.weights.length} weights for ${outputs} outputs`
          : undefined
  if (problem) throw new ModelError('BUNDLE_SHAPE', problem, { hint: ANEW })
  for (const [index, row] of manifest.golden.rows.entries()) {
    if (
      [row.raw, row.scaled].some((part) => part.length !== inputs) ||
      row.output.length !== outputs
    )
      throw new ModelError('BUNDLE_SHAPE', `golden row ${index} has the wrong length`, {
        hint: ANEW,
      })
    const score = reconstructionScore(row.scaled, row.output, manifest.output.weights, errors)
    if (Math.abs(score - row.score) > manifest.golden.tolerance * Math.max(1, score)) {
      throw new ModelError('BUNDLE_GOLDEN', `golden row ${index} does not have its own score`, {
        hint: ANEW,
      })
    }
  }
  return manifest
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
