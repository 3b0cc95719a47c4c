import type { FittedFeatures } from '../features/spec.ts'
import { reconstructionJudge } from '../judge.ts'
import type { FittedModel, Progress } from './fitted.ts'
import { fitNetwork } from './network.ts'
import type { ReconstructionRecipe } from './recipe.ts'
import { residualsOf, usualErrors } from './residuals.ts'

/** Largest weight of a column: a residual that is next to nothing must not drown all others. */
const MAX_WEIGHT = 1000

/** Trains an autoencoder on scaled rows. @throws ModelError `RUNTIME_MISSING` without TensorFlow.js */
export async function fitReconstruction(
  recipe: ReconstructionRecipe,
  features: FittedFeatures,
  scaled: Float32Array,
  progress: Progress,
): Promise<FittedModel> {
  const width = features.inputs.length
  const examples = { inputs: width, given: scaled, outputs: width, wanted: scaled }
  const { parts, network } = await fitNetwork(recipe, examples, progress)
  const { meanSquares } = residualsOf(network, examples)
  const output = {
    meaning: 'reconstruction' as const,
    weights:
      recipe.weights === 'equal'
        ? meanSquares.map(() => 1)
        : residualWeights(meanSquares, features),
    usualErrors: usualErrors(meanSquares),
  }
  return {
    about: { kind: 'reconstruction', network: { inputs: width, outputs: width }, output },
    model: parts,
    judge: () => reconstructionJudge(network, output),
    dispose: () => network.dispose(),
  }
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
