import { Clusters, MIN_SQUARE } from '../clustering/clusters.ts'
import type { FittedFeatures } from '../features/spec.ts'
import { clusterJudge } from '../judge.ts'
import { compileNearest } from '../runtime/clusters.ts'
import type { ClusterParts } from '../runtime.ts'
import type { FittedModel, Progress } from './fitted.ts'
import { randomOf } from './random.ts'
import type { ClusteringRecipe } from './recipe.ts'

/** A centre's spread is taken as if it had seen so many rows of spread 1 beside its own. */
const PRIOR_ROWS = 5

/** Finds the clusters of scaled rows: k-means (Lloyd 1982), begun as k-means++ (Arthur 2007), seeded. */
export function fitClusters(
  recipe: ClusteringRecipe,
  features: FittedFeatures,
  scaled: Float32Array,
  { onEpoch }: Progress,
): FittedModel {
  const width = features.inputs.length
  const rows = scaled.length / width
  const { count, epochs } = recipe.clusters
  const centres = firstCentres(scaled, width, Math.min(count, rows), randomOf(recipe.seed))
  const nearest = compileNearest(centres.length / width, width)
  const plain = new Float64Array(centres.length).fill(1)
  const members = new Int32Array(rows)
  for (let epoch = 0; epoch < epochs; epoch++) {
    let moved = 0
    for (let row = 0; row < rows; row++) {
      const found = nearest(scaled, row * width, centres, plain)
      if (found !== members[row]) moved++
      members[row] = found
    }
    const { distance } = meansOf(scaled, width, members, centres)
    onEpoch?.(epoch + 1, epochs, distance / scaled.length)
    if (moved === 0 && epoch > 0) break
  }
  const model = withSpread(scaled, width, members, centres, features)
  return {
    about: {
      kind: 'clustering',
      output: { meaning: 'distance' },
      learning: recipe.learning,
    },
    model,
    judge: () => clusterJudge(new Clusters(model, recipe.learning)),
    dispose() {},
  }
}

/** Rows far from all centres before them are likely to be the next centre. */
function firstCentres(
  scaled: Float32Array,
  width: number,
  count: number,
  random: () => number,
): Float64Array {
  const rows = scaled.length / width
  const centres = new Float64Array(count * width)
  const distance = new Float64Array(rows).fill(Number.POSITIVE_INFINITY)
  let chosen = Math.floor(random() * rows)
  for (let k = 0; k < count; k++) {
    for (let i = 0; i < width; i++) centres[k * width + i] = scaled[chosen * width + i]
    let sum = 0
    for (let row = 0; row < rows; row++) {
      let square = 0
      for (let i = 0; i < width; i++) {
        square += (scaled[row * width + i] - centres[k * width + i]) ** 2
      }
      distance[row] = Math.min(distance[row], square)
      sum += distance[row]
    }
    let left = random() * sum
    chosen = 0
    while (chosen < rows - 1 && (left -= distance[chosen]) > 0) chosen++
  }
  return centres
}

/** Moves each centre to the mean of its rows; one that lost all of them stays. */
function meansOf(
  scaled: Float32Array,
  width: number,
  members: Int32Array,
  centres: Float64Array,
): { distance: number } {
  const sums = new Float64Array(centres.length)
  const counts = new Float64Array(centres.length / width)
  let distance = 0
  for (let row = 0; row < members.length; row++) {
    const base = members[row] * width
    counts[members[row]]++
    for (let i = 0; i < width; i++) {
      const value = scaled[row * width + i]
      distance += (value - centres[base + i]) ** 2
      sums[base + i] += value
    }
  }
  for (let at = 0; at < centres.length; at++) {
    const count = counts[Math.floor(at / width)]
    if (count > 0) centres[at] = sums[at] / count
  }
  return { distance }
}

function withSpread(
  scaled: Float32Array,
  width: number,
  members: Int32Array,
  all: Float64Array,
  { inputs }: FittedFeatures,
): ClusterParts {
  const counts = new Float64Array(all.length / width)
  for (const member of members) counts[member]++
  // A centre that nobody is near to says nothing of what is usual.
  const kept = [...counts.keys()].filter((k) => counts[k] > 0)
  const place = new Int32Array(counts.length)
  for (const [k, old] of kept.entries()) place[old] = k
  const centres = Float64Array.from(
    kept.flatMap((k) => [...all.subarray(k * width, (k + 1) * width)]),
  )
  const squares = new Float64Array(centres.length)
  for (let row = 0; row < members.length; row++) {
    const base = place[members[row]] * width
    for (let i = 0; i < width; i++) {
      squares[base + i] += (scaled[row * width + i] - centres[base + i]) ** 2
    }
  }
  const rows = Float64Array.from(kept, (k) => counts[k])
  for (let at = 0; at < squares.length; at++) {
    const { min, max } = inputs[at % width].range
    const count = rows[Math.floor(at / width)]
    const square = (squares[at] + PRIOR_ROWS) / (count + PRIOR_ROWS)
    squares[at] = min === max ? 1 : Math.max(MIN_SQUARE, square)
  }
  return { count: kept.length, inputs: width, centres, squares, rows }
}
