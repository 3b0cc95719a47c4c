import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { makeFolder, syncFolder } from '../durable.ts'
import { ModelError } from '../errors.ts'
import { type Bundle, HASH_FILE, loadBundle, MANIFEST_FILE } from './load.ts'

/**
 * Puts the files of a bundle into a folder and reads it back through `loadBundle`. The folder appears
 * whole: it is made beside its place, brought to disk, and moved there. Replaces a bundle that is
 * there already; between the two no bundle is there, so nothing that runs is to be replaced so.
 * @throws ModelError where the result would be refused, or where `dir` holds something else
 */
export function placeBundle(
  dir: string,
  contents: ReadonlyMap<string, string | Uint8Array>,
): Bundle {
  const place = resolve(dir)
  makeFolder(dirname(place))
  const draft = mkdtempSync(join(dirname(place), `.${basename(place)}-`))
  try {
    for (const [path, content] of contents) {
      mkdirSync(dirname(join(draft, path)), { recursive: true })
      writeFileSync(join(draft, path), content, { flag: 'wx', flush: true })
    }
    loadBundle(draft)
    // mkdtemp makes folders for their owner only; a bundle is no secret.
    chmodSync(draft, 0o755)
    syncFolder(draft)
    removeOldBundle(place)
    renameSync(draft, place)
    syncFolder(dirname(place))
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    throw error
  }
  return loadBundle(place)
}

/** Only ever removes a bundle: a folder with more in it is let be. */
function removeOldBundle(place: string): void {
  if (!existsSync(place)) return
  const found = readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(place.length + 1))
  if (found.length > 0) {
    const ours = new Set([MANIFEST_FILE, HASH_FILE, ...listed(place)])
    const strange = found.find((name) => !ours.has(name))
    if (strange !== undefined) {
      throw new ModelError('BUNDLE_PATH', `${place} holds ${strange}, which is of no bundle`, {
        hint: 'Give a new folder for the bundle.',
      })
    }
  }
  rmSync(place, { recursive: true })
}

function listed(place: string): string[] {
  try {
    return loadBundle(place).manifest.files.map(({ path }) => path)
  } catch {
    // A spoiled bundle may be replaced as well, if these files are all there is.
    return ['model.json', 'weights.bin', 'clusters.bin']
  }
}
