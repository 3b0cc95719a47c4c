import { ModelError } from '../errors.ts'
import type { ClusterParts } from '../runtime.ts'

const HINT = 'Train the model again, or fetch the bundle anew: its clusters are not whole.'

/** Clusters as a bundle's file has them: centres, mean squared deviations, rows; little-endian float64. */
export function clusterBytes({ centres, squares, rows }: ClusterParts): Buffer {
  const all = Float64Array.from([...centres, ...squares, ...rows])
  return Buffer.from(all.buffer)
}

/** @throws ModelError `BUNDLE_SHAPE` for another length, `BUNDLE_WEIGHTS` where a number is none */
export function clustersOf(bytes: Uint8Array, count: number, inputs: number): ClusterParts {
  const wanted = 8 * count * (2 * inputs + 1)
  if (bytes.length !== wanted) {
    throw new ModelError(
      'BUNDLE_SHAPE',
      `clusters are ${bytes.length} bytes where ${count} of ${inputs} inputs need ${wanted}`,
      { hint: HINT },
    )
  }
  const all = new Float64Array(Uint8Array.from(bytes).buffer)
  const size = count * inputs
  const parts = {
    count,
    inputs,
    centres: all.slice(0, size),
    squares: all.slice(size, 2 * size),
    rows: all.slice(2 * size),
  }
  const odd = all.findIndex((value, at) => !Number.isFinite(value) || (at >= size && value <= 0))
  if (odd >= 0) {
    throw new ModelError('BUNDLE_WEIGHTS', `number ${odd} of the clusters cannot be: ${all[odd]}`, {
      hint: HINT,
    })
  }
  return parts
}
