import type { FittedFeatures } from '../features/spec.ts'
import { regressionJudge } from '../judge.ts'
import { columnsOf } from '../score.ts'
import type { FittedModel, Progress } from './fitted.ts'
import { fitNetwork } from './network.ts'
import type { RegressionRecipe } from './recipe.ts'
import { residualsOf, usualErrors } from './residuals.ts'

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
    given: pick(scaled, width, given),
    outputs: judged.length,
    wanted: pick(scaled, width, judged),
  }
  const { parts, network } = await fitNetwork(recipe, examples, progress)
  const { meanSquares, largestSquares } = residualsOf(network, examples)
  const output = {
    meaning: 'estimate' as const,
    estimates: [...estimates],
    weights: largestSquares.map((square) => Number((1 / Math.max(square, 1e-12)).toPrecision(6))),
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

/** These columns of all rows, row by row. */
function pick(rows: Float32Array, width: number, columns: readonly number[]): Float32Array {
  const picked = new Float32Array((rows.length / width) * columns.length)
  let at = 0
  for (let from = 0; from < rows.length; from += width) {
    for (const column of columns) picked[at++] = rows[from + column]
  }
  return picked
}
