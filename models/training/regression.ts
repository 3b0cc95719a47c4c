import type { FittedFeatures, FittedInput } from '../features/spec.ts'
import { regressionJudge } from '../judge.ts'
import { columnsOf, pickColumns } from '../score.ts'
import type { FittedModel, Progress } from './fitted.ts'
import { fitNetwork } from './network.ts'
import type { RegressionRecipe } from './recipe.ts'
import { residualsOf, usualErrors } from './residuals.ts'

/** Smaller ones are the rounding of an estimate that is exact. */
const MIN_SQUARE = 1e-6

/**
 * Trains a network that estimates some columns of scaled rows from the others, the usual way to watch a
 * machine whose physics are known (a normal behaviour model, a soft sensor). What is estimated is not
 * given, so nothing can be passed through, and a score of 1 is as far off as any row of the training was.
 * @throws ModelError `RUNTIME_MISSING` without TensorFlow.js
 */
export async function fitRegression(
  recipe: RegressionRecipe,
  features: FittedFeatures,
  scaled: Float32Array,
  progress: Progress,
): Promise<FittedModel> {
  const { estimates } = recipe
  const { judged, given } = columnsOf(features.inputs, estimates)
  const width = features.inputs.length
  const examples = {
    inputs: given.length,
    given: pickColumns(scaled, width, given),
    outputs: judged.length,
    wanted: pickColumns(scaled, width, judged),
  }
  const { parts, network } = await fitNetwork(recipe, examples, progress)
  const { meanSquares, largestSquares } = residualsOf(network, examples)
  const output = {
    meaning: 'estimate' as const,
    estimates: [...estimates],
    weights: largestSquares.map((square, i) => weightOf(square, features.inputs[judged[i]])),
    usualErrors: usualErrors(meanSquares),
  }
  return {
    about: {
      kind: 'regression',
      network: { inputs: given.length, outputs: judged.length },
      output,
    },
    model: parts,
    judge: () => regressionJudge(network, features.inputs, output),
    dispose: () => network.dispose(),
  }
}

/** As in a reconstruction, a column that never moved keeps its scaling's weight. */
function weightOf(square: number, { range }: FittedInput): number {
  return range.min === range.max ? 1 : Number((1 / Math.max(square, MIN_SQUARE)).toPrecision(6))
}
