import type { FittedFeatures } from '../features/spec.ts'
import type { Recipe } from './recipe.ts'
import type { RowStore } from './row-store.ts'

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
    const still = deviation < 1e-9 * Math.max(1, Math.abs(mean))
    const least = still ? Math.max(Math.abs(mean) * 0.01, 1e-3) : deviation
    const scale = Math.max(least, recipe.floors[input.name] ?? 0)
    return {
      ...input,
      scaling: { offset: mean, factor: 1 / scale },
      range: { min, max },
    }
  })
  return { ...recipe.features, inputs }
}
