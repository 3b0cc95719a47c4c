import { ModelError } from '../errors.ts'
import type { FittedFeatures } from '../features/spec.ts'
import { reconstructionJudge } from '../judge.ts'
import { loadTensorFlow, tensorFlowRuntime } from '../runtime/tfjs.ts'
import type { Network } from '../runtime.ts'
import type { FittedModel, Progress } from './fitted.ts'
import { partsOfModel, trainNetwork } from './network.ts'
import type { ReconstructionRecipe } from './recipe.ts'

/** Rows that one call of the network scores. */
const CHUNK_ROWS = 1024
/** Largest weight of a column: a residual that is next to nothing must not drown all others. */
const MAX_WEIGHT = 1000

/** Trains an autoencoder on scaled rows. @throws ModelError `RUNTIME_MISSING` without TensorFlow.js */
export async function fitReconstruction(
  recipe: ReconstructionRecipe,
  features: FittedFeatures,
  scaled: Float32Array,
  progress: Progress,
): Promise<FittedModel> {
  const tensorFlow = await loadTensorFlow('tfjs-cpu')
  const width = features.inputs.length
  const model = await trainNetwork(tensorFlow, recipe, scaled, width, progress)
  const parts = await partsOfModel(tensorFlow, model)
  model.dispose()
  const network = await tensorFlowRuntime('tfjs-cpu').load(parts)
  const squares = meanSquares(network, scaled)
  if (!squares.every(Number.isFinite)) {
    network.dispose()
    throw new ModelError('TRAINING_DATA', 'the training diverged: scores are not finite', {
      hint: 'Take a smaller learning rate in the recipe.',
    })
  }
  const round = (value: number) => Number(value.toPrecision(6))
  const output = {
    meaning: 'reconstruction' as const,
    weights: recipe.weights === 'equal' ? squares.map(() => 1) : residualWeights(squares, features),
    usualErrors: squares.map((square) => round(Math.sqrt(square))),
  }
  return {
    about: { kind: 'reconstruction', network: { inputs: width, outputs: width }, output },
    model: parts,
    judge: () => reconstructionJudge(network, output),
    dispose: () => network.dispose(),
  }
}

/** Mean over rows of each column's `(scaled - output)²`. */
function meanSquares(network: Network, scaled: Float32Array): number[] {
  const width = network.inputs
  const rows = scaled.length / width
  const sums = new Float64Array(width)
  const out = new Float32Array(CHUNK_ROWS * width)
  for (let from = 0; from < rows; from += CHUNK_ROWS) {
    const count = Math.min(CHUNK_ROWS, rows - from)
    const chunk = scaled.subarray(from * width, (from + count) * width)
    network.predict(chunk, count, out)
    for (let i = 0; i < count * width; i++) sums[i % width] += (chunk[i] - out[i]) ** 2
  }
  return Array.from(sums, (sum) => sum / rows)
}

/**
 * One over each column's mean squared residual: of a column that follows from the others, a small
 * difference tells much; of one that is noise, a large one tells little. A usual score is then 1.
 * A column that never moved in training has no residual to go by, and keeps its scaling's weight.
 */
function residualWeights(squares: readonly number[], { inputs }: FittedFeatures): number[] {
  return squares.map((square, i) =>
    inputs[i].range.min === inputs[i].range.max
      ? 1
      : Number(Math.min(MAX_WEIGHT, 1 / Math.max(square, 1e-30)).toPrecision(6)),
  )
}
