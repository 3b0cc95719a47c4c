import type { ModelParts } from '../runtime.ts'
import { bundleHash, canonicalJson, sha256Of } from './canonical.ts'
import { type Bundle, checkManifest, HASH_FILE, MANIFEST_FILE } from './load.ts'
import type { Manifest } from './manifest.ts'
import { placeBundle } from './place.ts'

const MODEL_FILE = 'model.json'
const WEIGHTS_FILE = 'weights.bin'

/** A manifest but for what follows from the files. */
export type ManifestDraft = Omit<Manifest, 'files' | 'format' | 'network'> & {
  network: Omit<Manifest['network'], 'file'>
}

/**
 * Writes a bundle folder, whole or not at all (`placeBundle`).
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
  return placeBundle(dir, contents)
}
