import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { TensorFlow } from '../runtime/tfjs.ts'
import type { ModelParts, WeightSpec } from '../runtime.ts'
import type { Progress } from './fitted.ts'
import { randomOf, shuffle } from './random.ts'
import type { ReconstructionRecipe } from './recipe.ts'
import { TrainingState } from './state.ts'

/**
 * Trains an autoencoder on scaled rows. Initial weights and the order of rows follow from the seed
 * and nothing else runs at random, so one machine gives the same weights each time, also where a run
 * goes on from the state of another.
 */
export async function trainNetwork(
  tensorFlow: TensorFlow,
  recipe: ReconstructionRecipe,
  scaled: Float32Array,
  width: number,
  { onEpoch, resumeFrom, saveEpoch }: Progress = {},
): Promise<LayersModel> {
  const { core } = tensorFlow
  tensorFlow.use()
  const { epochs, batchRows, learningRate } = recipe.training
  const model = networkOf(tensorFlow, recipe, width)
  const optimizer = core.train.adam(learningRate)
  model.compile({ optimizer, loss: 'meanSquaredError' })
  const state = new TrainingState(tensorFlow, model, optimizer)
  const rows = scaled.length / width
  const order = Uint32Array.from({ length: rows }, (_, i) => i)
  const random = randomOf(recipe.seed ^ 0x5eed)
  const batches = Math.ceil(rows / batchRows)
  const done = resumeFrom ? await state.restore(resumeFrom) : 0
  for (let epoch = 0; epoch < epochs; epoch++) {
    shuffle(order, random)
    if (epoch < done) continue
    // Half a cosine, from the full rate to none: the last epochs settle instead of trembling.
    const rate = (learningRate * (1 + Math.cos((Math.PI * epoch) / epochs))) / 2
    ;(optimizer as unknown as { learningRate: number }).learningRate = rate
    let loss = 0
    for (let batch = 0; batch < batches; batch++) {
      const from = batch * batchRows
      const size = Math.min(batchRows, rows - from)
      const values = new Float32Array(size * width)
      for (let i = 0; i < size; i++) {
        const at = order[from + i] * width
        values.set(scaled.subarray(at, at + width), i * width)
      }
      const tensor = core.tensor2d(values, [size, width])
      loss += (await model.trainOnBatch(tensor, tensor)) as number
      tensor.dispose()
    }
    onEpoch?.(epoch + 1, epochs, loss / batches)
    await saveEpoch?.(() => state.save(epoch + 1))
  }
  optimizer.dispose()
  return model
}

function networkOf({ layers }: TensorFlow, recipe: ReconstructionRecipe, width: number) {
  const { hidden, activation, output } = recipe.network
  const model = layers.sequential({ name: 'reconstruction' })
  for (const [index, units] of [...hidden, width].entries()) {
    model.add(
      layers.layers.dense({
        // Named here, because default names count up inside a process and would change the hash.
        name: `dense_${index + 1}`,
        units,
        activation: index < hidden.length ? activation : output,
        kernelInitializer: layers.initializers.glorotUniform({ seed: recipe.seed + index }),
        ...(index === 0 ? { inputShape: [width] } : {}),
      }),
    )
  }
  return model
}

/** A trained model as a bundle keeps it; what only training needs is left out. */
export async function partsOfModel(
  tensorFlow: TensorFlow,
  model: LayersModel,
): Promise<ModelParts> {
  let parts: ModelParts | undefined
  await model.save(
    tensorFlow.core.io.withSaveHandler(async (artifacts) => {
      const data = artifacts.weightData as ArrayBuffer
      parts = {
        topology: { class_name: 'Sequential', ...pruned(artifacts.modelTopology as object) },
        weightSpecs: (artifacts.weightSpecs ?? []).map(
          ({ name, shape, dtype }): WeightSpec => ({ name, shape, dtype: dtype as 'float32' }),
        ),
        weights: new Uint8Array(data.slice(0)),
      }
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } }
    }),
  )
  return parts!
}

function pruned(topology: object): object {
  const { training_config: _, ...rest } = topology as Record<string, unknown>
  return rest
}
