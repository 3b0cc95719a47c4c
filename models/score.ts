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
