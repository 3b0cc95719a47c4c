import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from 'node:fs'
import { join, sep } from 'node:path'
import { ModelError } from '../errors.ts'
import { staysInside } from './paths.ts'

/** Reads a file that must lie inside `dir`, links followed, and be no larger than `maxBytes`. */
export function readInside(dir: string, path: string, maxBytes: number): Buffer {
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
        { hint: 'Fetch or copy the bundle anew; the one in use stays in use.' },
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
