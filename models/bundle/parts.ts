import { z } from 'zod'
import { ModelError } from '../errors.ts'
import type { ModelParts } from '../runtime.ts'

const HINT = 'Train the model again, or fetch the bundle anew: its network file is not whole.'

const weightSchema = z.looseObject({
  name: z.string(),
  shape: z.array(z.number().int().positive()).max(8),
  dtype: z.literal('float32'),
  quantization: z.undefined({ error: 'quantised weights are not supported' }).optional(),
})

/** What of a TensorFlow.js `model.json` is used; training leftovers in it are let be. */
const modelSchema = z.looseObject({
  modelTopology: z.looseObject({}),
  weightsManifest: z.array(
    z.looseObject({ paths: z.array(z.string()).min(1), weights: z.array(weightSchema) }),
  ),
})

/**
 * Reads a TensorFlow.js layers model.
 * @param text content of its `model.json`
 * @param read gives the content of a weight file by the path in `weightsManifest`
 * @throws ModelError `BUNDLE_SHAPE` where the file is no such model or weights do not fill it,
 *   `BUNDLE_WEIGHTS` where a weight is no finite number
 */
export function partsOf(text: string, read: (path: string) => Uint8Array): ModelParts {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new ModelError('BUNDLE_SHAPE', 'the network file is not JSON', { cause, hint: HINT })
  }
  const parsed = modelSchema.safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new ModelError(
      'BUNDLE_SHAPE',
      `the network file is no TensorFlow.js layers model: ${issue.path.join('.')}: ${issue.message}`,
      { hint: HINT },
    )
  }
  const { modelTopology, weightsManifest } = parsed.data
  const chunks = weightsManifest.flatMap(({ paths }) => paths.map(read))
  const weights = new Uint8Array(Buffer.concat(chunks))
  const weightSpecs = weightsManifest.flatMap((group) =>
    group.weights.map(({ name, shape, dtype }) => ({ name, shape, dtype })),
  )
  const wanted = weightSpecs.reduce(
    (sum, { shape }) => sum + 4 * shape.reduce((product, size) => product * size, 1),
    0,
  )
  if (wanted !== weights.length) {
    throw new ModelError(
      'BUNDLE_SHAPE',
      `weights are ${weights.length} bytes where the network's shapes need ${wanted}`,
      { hint: HINT },
    )
  }
  const view = new DataView(weights.buffer)
  for (let at = 0; at < weights.length; at += 4) {
    if (!Number.isFinite(view.getFloat32(at, true))) {
      throw new ModelError('BUNDLE_WEIGHTS', `weight ${at / 4} is not a finite number`, {
        hint: 'The training diverged: train with a smaller learning rate, or on cleaner rows.',
      })
    }
  }
  return { topology: modelTopology, weightSpecs, weights }
}
