import { ModelError } from '../errors.ts'
import type { Network } from '../runtime.ts'
import type { Examples } from './network.ts'

/**
 * Rows that one call of the network scores. Alone, a row through TensorFlow.js costs ten times as much
 * and more, and comes to the same bits.
 */
export const CHUNK_ROWS = 1024

/** How far a network is off, by column of its output. */
export interface Residuals {
  readonly meanSquares: number[]
  readonly largestSquares: number[]
}

/**
 * Squares of `wanted - output` over all rows.
 * @throws ModelError `TRAINING_DATA` where they are not finite; the network is disposed of
 */
export function residualsOf(
  network: Network,
  { inputs, given, outputs, wanted }: Examples,
): Residuals {
  const rows = given.length / inputs
  const sums = new Float64Array(outputs)
  const largest = new Float64Array(outputs)
  const out = new Float32Array(CHUNK_ROWS * outputs)
  for (let from = 0; from < rows; from += CHUNK_ROWS) {
    const count = Math.min(CHUNK_ROWS, rows - from)
    network.predict(given.subarray(from * inputs, (from + count) * inputs), count, out)
    for (let i = 0; i < count * outputs; i++) {
      const square = (wanted[from * outputs + i] - out[i]) ** 2
      sums[i % outputs] += square
      if (square > largest[i % outputs]) largest[i % outputs] = square
    }
  }
  const meanSquares = Array.from(sums, (sum) => sum / rows)
  if (!meanSquares.every(Number.isFinite)) {
    network.dispose()
    throw new ModelError('TRAINING_DATA', 'the training diverged: scores are not finite', {
      hint: 'Take a smaller learning rate in the recipe.',
    })
  }
  return { meanSquares, largestSquares: [...largest] }
}

/** Root mean squares as a manifest keeps them. */
export function usualErrors(meanSquares: readonly number[]): number[] {
  return meanSquares.map((square) => Number(Math.sqrt(square).toPrecision(6)))
}
