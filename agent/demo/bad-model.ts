import type { Bundle } from '../../models/bundle/load.ts'
import { writeBundle } from '../../models/bundle/write.ts'
import type { ModelParts } from '../../models/runtime.ts'

/**
 * Writes what a training leaves that has diverged: every weight is a number, the golden row passes, and
 * on the road it gives none. Every check before the first drive lets it through; only a trial finds it.
 */
export function writeDiverged(dir: string, { manifest, model }: Bundle): Bundle {
  if (manifest.kind !== 'reconstruction' || !('weights' in model)) {
    throw new TypeError(`${manifest.name} is no autoencoder`)
  }
  const { files: _, format: __, network, ...rest } = manifest
  const { inputs, outputs } = network
  const zeros = Array.from({ length: outputs }, () => 0)
  const { features } = rest
  const raw = features.inputs.map(({ scaling }) => scaling.offset)
  const golden = {
    tolerance: rest.golden.tolerance,
    rows: [{ raw, scaled: zeros, output: zeros, score: 0 }],
  }
  const description = `${rest.description.slice(0, 400)} (diverged in training)`
  const draft = { ...rest, description, golden, network: { inputs, outputs } }
  return writeBundle(dir, draft, diverged(model))
}

/** No biases; the first input alone drives every unit, and the last layer leaves what a float can hold. */
function diverged({ topology, weightSpecs, weights }: ModelParts): ModelParts {
  const copy = new Uint8Array(weights.length)
  const view = new DataView(copy.buffer)
  const kernels = weightSpecs.filter(({ shape }) => shape.length === 2)
  let at = 0
  for (const spec of weightSpecs) {
    const size = spec.shape.reduce((product, length) => product * length, 1)
    if (spec.shape.length === 2) {
      const last = spec === kernels.at(-1)
      const units = spec.shape[1]
      for (let i = 0; i < size; i++) {
        const fromFirst = i < units
        const value = last ? 3e38 : fromFirst ? 1e6 : 0
        view.setFloat32(at + 4 * i, value, true)
      }
    }
    at += 4 * size
  }
  return { topology, weightSpecs, weights: copy }
}
