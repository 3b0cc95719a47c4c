import type { FittedFeatures } from '../features/spec.ts'
import type { Recipe } from './recipe.ts'
import type { RowStore } from './rows.ts'

/** Fits scaling to rows: each column to mean 0 and standard deviation 1. */
export function fitFeatures(recipe: Recipe, rows: RowStore): FittedFeatures {
  const inputs = recipe.features.inputs.map((input, column) => {
    let min = Number.POSITIVE_INFINITY
    let max = Number.NEGATIVE_INFINITY
    let mean = 0
    let squares = 0
    // Welford's recurrence: sums of squares of large values would cancel each other out.
    for (let i = 0; i < rows.count; i++) {
      const value = rows.values[i * rows.width + column]
      if (value < min) min = value
      if (value > max) max = value
      const difference = value - mean
      mean += difference / (i + 1)
      squares += difference * (value - mean)
    }
    const deviation = Math.sqrt(squares / rows.count)
    // Of a column that never moved, a hundredth of its value counts as one deviation.
    const floor = Math.max(Math.abs(mean) * 0.01, 1e-3)
    const still = deviation < 1e-9 * Math.max(1, Math.abs(mean))
    return {
      ...input,
      scaling: { offset: mean, factor: 1 / (still ? floor : deviation) },
      range: { min, max },
    }
  })
  return { ...recipe.features, inputs }
}
