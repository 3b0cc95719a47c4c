import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from 'node:fs'
import { join, posix, sep } from 'node:path'
import { ModelError } from '../errors.ts'
import type { ModelParts } from '../runtime.ts'
import { reconstructionScore } from '../score.ts'
import { bundleHash, sha256Of } from './canonical.ts'
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
  const text = readInside(dir, MANIFEST_FILE, MAX_MANIFEST_BYTES).toString('utf8')
  const json = parseJson(text)
  const manifest = checkManifest(json)
  const hash = bundleHash(json)
  const written = readInside(dir, HASH_FILE, 256).toString('utf8').trim().split(/\s/)[0]
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
  const files = readFiles(dir, manifest)
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

function readFiles(dir: string, manifest: Manifest): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  let left = MAX_BUNDLE_BYTES
  for (const { path, bytes, sha256 } of manifest.files) {
    const content = readInside(dir, path, Math.min(MAX_FILE_BYTES, left))
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

/** Reads a file that must lie inside `dir`, links followed, and be no larger than `maxBytes`. */
function readInside(dir: string, path: string, maxBytes: number): Buffer {
  const climbs = () =>
    new ModelError('BUNDLE_PATH', `${path} leads out of the bundle`, {
      hint: 'Do not use this bundle: whoever made it wanted other files to be read.',
    })
  if (!staysInside(path)) throw climbs()
  let file: number
  try {
    const root = realpathSync(dir)
    const real = realpathSync(join(root, path))
    if (!real.startsWith(root + sep)) throw climbs()
    // Not to be held up by a pipe in place of a file.
    file = openSync(real, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    if (cause instanceof ModelError) throw cause
    throw new ModelError('BUNDLE_MISSING', `cannot read ${join(dir, path)}`, {
      cause,
      hint: 'Check the path: a bundle is a folder with manifest.json, bundle.sha256 and the files it lists.',
    })
  }
  try {
    const status = fstatSync(file)
    if (!status.isFile() || status.size > maxBytes) {
      throw new ModelError(
        'BUNDLE_LIMIT',
        `${path} is ${status.isFile() ? `${status.size} bytes, at most ${maxBytes} are read` : 'no file'}`,
        { hint: ANEW },
      )
    }
    const content = Buffer.alloc(status.size)
    let at = 0
    while (at < content.length) {
      const got = readSync(file, content, at, content.length - at, at)
      if (got === 0) break
      at += got
    }
    return content.subarray(0, at)
  } finally {
    closeSync(file)
  }
}
