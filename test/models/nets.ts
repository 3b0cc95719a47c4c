import type { Activation, ModelParts } from '../../models/runtime.ts'
import { randomOf } from '../../models/training/random.ts'

/** A dense network with made-up weights, as a TensorFlow.js layers model. */
export function dense(
  shape: readonly number[],
  activation: Activation,
  seed: number,
  last: Activation = 'linear',
): ModelParts {
  const random = randomOf(seed)
  const weightSpecs: ModelParts['weightSpecs'][number][] = []
  const values: number[] = []
  const layers = shape.slice(1).map((units, index) => {
    const inputs = shape[index]
    const name = `dense_${index + 1}`
    weightSpecs.push(
      { name: `${name}/kernel`, shape: [inputs, units], dtype: 'float32' },
      { name: `${name}/bias`, shape: [units], dtype: 'float32' },
    )
    const width = 2 / Math.sqrt(inputs)
    for (let i = 0; i < (inputs + 1) * units; i++) values.push((random() - 0.5) * width)
    return {
      class_name: 'Dense',
      config: {
        name,
        units,
        activation: index === shape.length - 2 ? last : activation,
        use_bias: true,
        ...(index === 0 ? { batch_input_shape: [null, inputs], dtype: 'float32' } : {}),
      },
    }
  })
  return {
    topology: { class_name: 'Sequential', config: { name: 'made_up', layers } },
    weightSpecs,
    weights: new Uint8Array(Float32Array.from(values).buffer),
  }
}
