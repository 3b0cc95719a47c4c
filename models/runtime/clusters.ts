import type { ClusterParts, Network } from '../runtime.ts'

/** Rows of at most this many columns are compared by straight-line code. */
const STRAIGHT_INPUTS = 64

/**
 * Finds the centre nearest to a row, each column's distance in terms of its spread at that centre: the
 * least sum of `(row - centre)² × inverse`. Of equal ones the first. Returns its place.
 */
export type Nearest = (
  row: ArrayLike<number>,
  rowAt: number,
  centres: Float64Array,
  inverse: Float64Array,
) => number

/** `Nearest` for `count` centres of `inputs` columns, as JavaScript generated for them. */
export function compileNearest(count: number, inputs: number): Nearest {
  const term = 'd = row[rowAt + i] - centres[at]; sum += d * d * inverse[at++]'
  const body =
    inputs <= STRAIGHT_INPUTS
      ? Array.from({ length: inputs }, (_, i) => `    ${term.replace(' i]', ` ${i}]`)}`).join('\n')
      : `    for (let i = 0; i < ${inputs}; i++) { ${term} }`
  return new Function(
    'row',
    'rowAt',
    'centres',
    'inverse',
    `'use strict'
  let nearest = 0
  let least = Infinity
  let d = 0
  for (let k = 0, at = 0; k < ${count}; k++) {
    let sum = 0
${body}
    if (sum < least) { least = sum; nearest = k }
  }
  return nearest`,
  ) as Nearest
}

/** Clusters as a network: a row in, the nearest centre out. */
export function nearestNetwork({ count, inputs, centres, squares }: ClusterParts): Network {
  const nearest = compileNearest(count, inputs)
  const inverse = squares.map((square) => 1 / square)
  return {
    inputs,
    outputs: inputs,
    predict(rows, rowCount, out) {
      if (rows.length < rowCount * inputs || out.length < rowCount * inputs) {
        throw new RangeError(`${rowCount} rows of ${inputs} → ${inputs} do not fit their arrays`)
      }
      for (let row = 0; row < rowCount; row++) {
        const at = row * inputs
        const centre = nearest(rows, at, centres, inverse) * inputs
        for (let i = 0; i < inputs; i++) out[at + i] = centres[centre + i]
      }
    },
    dispose() {},
  }
}
