import { z } from 'zod'
import { ModelError } from '../errors.ts'
import { ACTIVATIONS, type DenseLayer, type ModelParts } from '../runtime.ts'

const layerSchema = z.looseObject({
  class_name: z.string(),
  config: z.looseObject({
    name: z.string(),
    units: z.number().int().positive().optional(),
    activation: z.string().optional(),
    use_bias: z.boolean().optional(),
    batch_input_shape: z.array(z.number().int().nullable()).optional(),
  }),
})

const sequentialSchema = z.looseObject({
  model_config: z
    .looseObject({
      class_name: z.literal('Sequential'),
      config: z.looseObject({ layers: z.array(layerSchema).min(1) }),
    })
    .optional(),
  class_name: z.string().optional(),
  config: z.looseObject({ layers: z.array(layerSchema).min(1) }).optional(),
})

function refuse(message: string): never {
  throw new ModelError('BUNDLE_SHAPE', message, {
    hint: 'Only a plain stack of dense layers can be compiled; take another runtime for this one.',
  })
}

/**
 * The layers of a network that is a plain stack of dense layers, first to last.
 * @throws ModelError `BUNDLE_SHAPE` where it is something else
 */
export function denseLayersOf(parts: ModelParts): { inputs: number; layers: DenseLayer[] } {
  const parsed = sequentialSchema.safeParse(parts.topology)
  const found = parsed.data?.model_config?.config.layers ?? parsed.data?.config?.layers
  if (!found) refuse('the network is not a sequential model')
  const weights = weightsByName(parts)
  const layers: DenseLayer[] = []
  let width = 0
  for (const { class_name: kind, config } of found) {
    const shape = config.batch_input_shape
    if (shape && layers.length === 0) {
      if (shape.length !== 2 || !shape[1]) refuse('the network does not take rows of numbers')
      width = shape[1]
    }
    // Dropout and noise only work in training.
    if (['InputLayer', 'Dropout', 'GaussianNoise'].includes(kind)) continue
    if (kind !== 'Dense' || !config.units) refuse(`layer ${config.name} is a ${kind}`)
    const units = config.units
    const activation = ACTIVATIONS.find((name) => name === (config.activation ?? 'linear'))
    if (!activation) refuse(`layer ${config.name} has activation ${config.activation}`)
    const kernel = weights.get(`${config.name}/kernel`)
    if (!kernel || kernel.length !== width * units) {
      refuse(`layer ${config.name} has no kernel of ${width} × ${units}`)
    }
    const bias =
      config.use_bias === false ? new Float32Array(units) : weights.get(`${config.name}/bias`)
    if (!bias || bias.length !== units) refuse(`layer ${config.name} has no bias of ${units}`)
    layers.push({ units, activation, kernel, bias })
    width = units
  }
  if (layers.length === 0) refuse('the network has no dense layer')
  return { inputs: layers[0].kernel.length / layers[0].units, layers }
}

function weightsByName(parts: ModelParts): Map<string, Float32Array> {
  const found = new Map<string, Float32Array>()
  // A copy, since a Float32Array must start on a multiple of four bytes.
  const all = new Float32Array(parts.weights.slice().buffer)
  let at = 0
  for (const { name, shape } of parts.weightSpecs) {
    const size = shape.reduce((product, part) => product * part, 1)
    found.set(name, all.slice(at, at + size))
    at += size
  }
  return found
}
