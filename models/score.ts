/**
 * Regression score of one row: the largest over the estimated columns of `weight × (scaled - output)²`.
 * @param columns the estimated ones, in the order of the outputs
 * @param errors receives each estimated column's part; the others' are left as they are
 */
export function regressionScore(
  scaled: ArrayLike<number>,
  output: ArrayLike<number>,
  columns: ArrayLike<number>,
  weights: ArrayLike<number>,
  errors: Float64Array,
): number {
  let largest = 0
  for (let i = 0; i < columns.length; i++) {
    const difference = scaled[columns[i]] - output[i]
    const error = weights[i] * difference * difference
    errors[columns[i]] = error
    // Not Math.max: what is no number must stay so.
    if (!(error <= largest)) largest = error
  }
  return largest
}

/**
 * Reconstruction score of one row: the mean over columns of `weight × (scaled - output)²`. Used in
 * training, on the vehicle and to check golden rows.
 * @param errors receives each column's part of the score
 */
export function reconstructionScore(
  scaled: ArrayLike<number>,
  output: ArrayLike<number>,
  weights: ArrayLike<number>,
  errors: Float64Array,
): number {
  const width = errors.length
  let sum = 0
  for (let i = 0; i < width; i++) {
    const difference = scaled[i] - output[i]
    const error = (weights[i] * difference * difference) / width
    errors[i] = error
    sum += error
  }
  return sum
}

/** Where in a row the columns are that a network estimates, in its own order, and those that it is given. */
export function columnsOf(
  inputs: readonly { readonly name: string }[],
  estimates: readonly string[],
): { judged: number[]; given: number[] } {
  const judged = estimates.map((one) => inputs.findIndex(({ name }) => name === one))
  return { judged, given: [...inputs.keys()].filter((i) => !judged.includes(i)) }
}

/** These columns of all rows, row by row. */
export function pickColumns(
  rows: Float32Array,
  width: number,
  columns: readonly number[],
): Float32Array {
  const picked = new Float32Array((rows.length / width) * columns.length)
  let at = 0
  for (let from = 0; from < rows.length; from += width) {
    for (const column of columns) picked[at++] = rows[from + column]
  }
  return picked
}
