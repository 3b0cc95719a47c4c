import type { Bundle } from './bundle/load.ts'
import type { Manifest } from './bundle/manifest.ts'
import { Clusters } from './clustering/clusters.ts'
import type { ClusterParts, Network } from './runtime.ts'
import { columnsOf, pickColumns, reconstructionScore, regressionScore } from './score.ts'

/** Says of scaled rows how unusual they are: what a kind of model adds to a network. */
export interface Judge {
  /** Scores a row; NaN where the model gives no number. */
  score(scaled: Float32Array): number
  /** Scores rows that lie one after the other, to the bit as one by one; a network runs once for all. */
  scores(scaled: Float32Array, out: Float64Array): void
  /** Columns that are judged: of a regression those that are estimated, else all of them. */
  readonly columns: readonly number[]
  /** Of the row scored last: each column's part of the score; only their proportion counts. */
  readonly errors: Float64Array
  /** Of that row: what was expected of a judged column, and how far off it usually is; scaled. */
  expected(column: number): number
  usualError(column: number): number
  /** What goes on learning, if this kind does. */
  readonly clusters?: Clusters
}

/** The judge of a bundle; one that learns has a state of its own, and so belongs to one vehicle. */
export function judgeOf({ manifest, model }: Bundle, network: Network): Judge {
  switch (manifest.kind) {
    case 'clustering':
      return clusterJudge(new Clusters(model as ClusterParts, manifest.learning))
    case 'regression':
      return regressionJudge(network, manifest.features.inputs, manifest.output)
    case 'reconstruction':
      return reconstructionJudge(network, manifest.output)
  }
}

type OutputOf<K> = Extract<Manifest, { kind: K }>['output']

export function reconstructionJudge(network: Network, output: OutputOf<'reconstruction'>): Judge {
  const { weights } = output
  // Bundles of before this was kept: a weight by residuals is one over the usual error's square.
  const usual = output.usualErrors ?? weights.map((weight) => 1 / Math.sqrt(weight || 1))
  const found = new Float32Array(network.outputs)
  const errors = new Float64Array(network.outputs)
  const judge = (scaled: Float32Array) => reconstructionScore(scaled, found, weights, errors)
  return {
    columns: [...errors.keys()],
    errors,
    score(scaled) {
      network.predict(scaled, 1, found)
      return judge(scaled)
    },
    scores: (scaled, out) => judgeEach(network, scaled, scaled, found, judge, out),
    expected: (column) => found[column],
    usualError: (column) => usual[column],
  }
}

export function regressionJudge(
  network: Network,
  inputs: readonly { readonly name: string }[],
  { estimates, weights, usualErrors }: OutputOf<'regression'>,
): Judge {
  const { judged, given } = columnsOf(inputs, estimates)
  const placeOf = new Map(judged.map((column, i) => [column, i]))
  const seen = new Float32Array(given.length)
  const found = new Float32Array(network.outputs)
  const errors = new Float64Array(inputs.length)
  const judge = (scaled: Float32Array) => regressionScore(scaled, found, judged, weights, errors)
  return {
    columns: judged,
    errors,
    score(scaled) {
      for (let i = 0; i < given.length; i++) seen[i] = scaled[given[i]]
      network.predict(seen, 1, found)
      return judge(scaled)
    },
    scores(scaled, out) {
      const picked = pickColumns(scaled, inputs.length, given)
      judgeEach(network, picked, scaled, found, judge, out)
    },
    expected: (column) => found[placeOf.get(column)!],
    usualError: (column) => usualErrors[placeOf.get(column)!],
  }
}

/** Runs a network for many rows in one go, then judges each by its part of the output. */
function judgeEach(
  network: Network,
  given: Float32Array,
  scaled: Float32Array,
  found: Float32Array,
  judge: (scaled: Float32Array) => number,
  out: Float64Array,
): void {
  const { inputs, outputs } = network
  const count = given.length / inputs
  const width = scaled.length / count
  const all = new Float32Array(count * outputs)
  network.predict(given, count, all)
  for (let i = 0; i < count; i++) {
    found.set(all.subarray(i * outputs, (i + 1) * outputs))
    out[i] = judge(scaled.subarray(i * width, (i + 1) * width))
  }
}

export function clusterJudge(clusters: Clusters): Judge {
  const width = clusters.errors.length
  return {
    clusters,
    columns: [...clusters.errors.keys()],
    errors: clusters.errors,
    score: (scaled) => clusters.score(scaled),
    scores(scaled, out) {
      for (let i = 0; i < scaled.length / width; i++) {
        out[i] = clusters.score(scaled.subarray(i * width, (i + 1) * width))
      }
    },
    expected: (column) => clusters.expected(column),
    usualError: (column) => clusters.usualError(column),
  }
}
