import { clusterBytes } from '../clustering/bytes.ts'
import type { ClusterParts, ModelParts } from '../runtime.ts'
import { bundleHash, canonicalJson, sha256Of } from './canonical.ts'
import { type Bundle, checkManifest, HASH_FILE, MANIFEST_FILE } from './load.ts'
import type { Manifest } from './manifest.ts'
import { placeBundle } from './place.ts'

const MODEL_FILE = 'model.json'
const WEIGHTS_FILE = 'weights.bin'
const CLUSTERS_FILE = 'clusters.bin'

type Draft<M> = M extends { network: object }
  ? Omit<M, 'files' | 'format' | 'network'> & { network: Omit<M['network'], 'file'> }
  : Omit<M, 'files' | 'format' | 'clusters'>

/** A manifest but for what follows from the files. */
export type ManifestDraft = Draft<Manifest>

/**
 * Writes a bundle folder, whole or not at all (`placeBundle`).
 * @throws ModelError where the result would be refused, or where `dir` holds something else
 */
export function writeBundle(
  dir: string,
  draft: ManifestDraft,
  model: ModelParts | ClusterParts,
): Bundle {
  const contents: ReadonlyMap<string, string | Uint8Array> =
    'centres' in model ? new Map([[CLUSTERS_FILE, clusterBytes(model)]]) : networkFiles(model)
  const files = [...contents].map(([path, content]) => ({
    path,
    bytes: Buffer.byteLength(content),
    sha256: sha256Of(content),
  }))
  const about =
    'centres' in model
      ? { clusters: { file: CLUSTERS_FILE, count: model.count, inputs: model.inputs } }
      : { network: { file: MODEL_FILE, ...(draft as { network?: object }).network } }
  const manifest = checkManifest({ format: 1, ...draft, ...about, files })
  return placeBundle(
    dir,
    new Map([
      ...contents,
      [MANIFEST_FILE, `${JSON.stringify(manifest, null, 1)}\n`],
      [HASH_FILE, `${bundleHash(manifest)}  ${MANIFEST_FILE} (canonical)\n`],
    ]),
  )
}

/** A TensorFlow.js layers model as files. */
function networkFiles(model: ModelParts): Map<string, string | Uint8Array> {
  const modelJson = `${canonicalJson({
    format: 'layers-model',
    generatedBy: 'milepost',
    convertedBy: null,
    modelTopology: model.topology,
    weightsManifest: [{ paths: [WEIGHTS_FILE], weights: model.weightSpecs }],
  })}\n`
  return new Map<string, string | Uint8Array>([
    [MODEL_FILE, modelJson],
    [WEIGHTS_FILE, model.weights],
  ])
}
