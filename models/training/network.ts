import type { LayersModel } from '@tensorflow/tfjs-layers'
import { loadTensorFlow, type TensorFlow, tensorFlowRuntime } from '../runtime/tfjs.ts'
import type { ModelParts, Network, WeightSpec } from '../runtime.ts'
import type { Progress } from './fitted.ts'
import { randomOf, shuffle } from './random.ts'
import type { ReconstructionRecipe, RegressionRecipe } from './recipe.ts'
import { TrainingState } from './state.ts'

type NetworkRecipe = ReconstructionRecipe | RegressionRecipe

/** What a network is to learn: scaled rows in, scaled rows out, row by row; both may be the same array. */
export interface Examples {
  readonly inputs: number
  readonly given: Float32Array
  readonly outputs: number
  readonly wanted: Float32Array
}

/**
 * Trains a recipe's network, and opens it as TensorFlow.js has it.
 * @throws ModelError `RUNTIME_MISSING` without TensorFlow.js
 */
export async function fitNetwork(
  recipe: NetworkRecipe,
  examples: Examples,
  progress: Progress,
): Promise<{ parts: ModelParts; network: Network }> {
  const tensorFlow = await loadTensorFlow('tfjs-cpu')
  const model = await trainNetwork(tensorFlow, recipe, examples, progress)
  const parts = await partsOfModel(tensorFlow, model)
  model.dispose()
  return { parts, network: await tensorFlowRuntime('tfjs-cpu').load(parts) }
}

/**
 * Trains a network on scaled rows. Initial weights and the order of rows follow from the seed
 * and nothing else runs at random, so one machine gives the same weights each time, also where a run
 * goes on from the state of another.
 */
export async function trainNetwork(
  tensorFlow: TensorFlow,
  recipe: NetworkRecipe,
  { inputs, given, outputs, wanted }: Examples,
  { onEpoch, resumeFrom, saveEpoch }: Progress = {},
): Promise<LayersModel> {
  const { core } = tensorFlow
  tensorFlow.use()
  const { epochs, batchRows, learningRate } = recipe.training
  const model = networkOf(tensorFlow, recipe, inputs, outputs)
  const optimizer = core.train.adam(learningRate)
  model.compile({ optimizer, loss: 'meanSquaredError' })
  const state = new TrainingState(tensorFlow, model, optimizer)
  const rows = given.length / inputs
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
      const chosen = order.subarray(from, from + size)
      const x = core.tensor2d(rowsAt(given, inputs, chosen), [size, inputs])
      const y =
        wanted === given ? x : core.tensor2d(rowsAt(wanted, outputs, chosen), [size, outputs])
      loss += (await model.trainOnBatch(x, y)) as number
      core.dispose([x, y])
    }
    onEpoch?.(epoch + 1, epochs, loss / batches)
    await saveEpoch?.(() => state.save(epoch + 1))
  }
  optimizer.dispose()
  return model
}

function rowsAt(rows: Float32Array, width: number, chosen: Uint32Array): Float32Array {
  const values = new Float32Array(chosen.length * width)
  for (const [i, row] of chosen.entries()) {
    values.set(rows.subarray(row * width, (row + 1) * width), i * width)
  }
  return values
}

function networkOf({ layers }: TensorFlow, recipe: NetworkRecipe, inputs: number, outputs: number) {
  const { hidden, activation, output } = recipe.network
  const model = layers.sequential({ name: recipe.kind })
  for (const [index, units] of [...hidden, outputs].entries()) {
    model.add(
      layers.layers.dense({
        // Named here, because default names count up inside a process and would change the hash.
        name: `dense_${index + 1}`,
        units,
        activation: index < hidden.length ? activation : output,
        kernelInitializer: layers.initializers.glorotUniform({ seed: recipe.seed + index }),
        ...(index === 0 ? { inputShape: [inputs] } : {}),
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
