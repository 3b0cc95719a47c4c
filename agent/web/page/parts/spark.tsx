/** A small line of the last minute. What it shows stands as text beside it. */
export function Spark({ values }: { values: readonly number[] }) {
  const [width, height] = [120, 32]
  const top = Math.max(...values, 1)
  const step = width / Math.max(1, 59)
  const from = width - step * (values.length - 1)
  const points = values
    .map(
      (v, i) =>
        `${(from + i * step).toFixed(1)},${(height - 2 - (v / top) * (height - 4)).toFixed(1)}`,
    )
    .join(' ')
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {values.length > 1 && <polyline points={points} vector-effect="non-scaling-stroke" />}
    </svg>
  )
}
