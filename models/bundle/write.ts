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
import { ModelError } from '../errors.ts'
import type { ModelParts } from '../runtime.ts'
import { bundleHash, canonicalJson, sha256Of } from './canonical.ts'
import { type Bundle, checkManifest, HASH_FILE, loadBundle, MANIFEST_FILE } from './load.ts'
import type { Manifest } from './manifest.ts'

const MODEL_FILE = 'model.json'
const WEIGHTS_FILE = 'weights.bin'

/** A manifest but for what follows from the files. */
export type ManifestDraft = Omit<Manifest, 'files' | 'format' | 'network'> & {
  network: Omit<Manifest['network'], 'file'>
}

/**
 * Writes a bundle folder and reads it back through `loadBundle`. The folder appears whole: it is
 * made beside its place and moved there. Replaces a bundle that is there already.
 * @throws ModelError where the result would be refused, or where `dir` holds something else
 */
export function writeBundle(dir: string, draft: ManifestDraft, model: ModelParts): Bundle {
  const modelJson = `${canonicalJson({
    format: 'layers-model',
    generatedBy: 'milepost',
    convertedBy: null,
    modelTopology: model.topology,
    weightsManifest: [{ paths: [WEIGHTS_FILE], weights: model.weightSpecs }],
  })}\n`
  const contents = new Map<string, string | Uint8Array>([
    [MODEL_FILE, modelJson],
    [WEIGHTS_FILE, model.weights],
  ])
  const files = [...contents].map(([path, content]) => ({
    path,
    bytes: Buffer.byteLength(content),
    sha256: sha256Of(content),
  }))
  const manifest = checkManifest({
    format: 1,
    ...draft,
    network: { file: MODEL_FILE, ...draft.network },
    files,
  })
  contents.set(MANIFEST_FILE, `${JSON.stringify(manifest, null, 1)}\n`)
  contents.set(HASH_FILE, `${bundleHash(manifest)}  ${MANIFEST_FILE} (canonical)\n`)
  const place = resolve(dir)
  mkdirSync(dirname(place), { recursive: true })
  const draftDir = mkdtempSync(join(dirname(place), `.${basename(place)}-`))
  try {
    for (const [path, content] of contents) writeFileSync(join(draftDir, path), content)
    loadBundle(draftDir)
    // mkdtemp makes folders for their owner only; a bundle is no secret.
    chmodSync(draftDir, 0o755)
    removeOldBundle(place)
    renameSync(draftDir, place)
  } catch (error) {
    rmSync(draftDir, { recursive: true, force: true })
    throw error
  }
  return loadBundle(place)
}

/** Only ever removes what it could have written itself: a folder with more in it is let be. */
function removeOldBundle(place: string): void {
  const ours = [MODEL_FILE, WEIGHTS_FILE, MANIFEST_FILE, HASH_FILE]
  if (!existsSync(place)) return
  const strange = readdirSync(place).find((name) => !ours.includes(name))
  if (strange !== undefined) {
    throw new ModelError('BUNDLE_PATH', `${place} holds ${strange}, which is of no bundle`, {
      hint: 'Give a new folder for the bundle.',
    })
  }
  rmSync(place, { recursive: true })
}
