import type { Bundle } from './bundle/load.ts'
import type { Manifest } from './bundle/manifest.ts'
import { Clusters } from './clustering/clusters.ts'
import type { ClusterParts, Network } from './runtime.ts'
import { columnsOf, reconstructionScore, regressionScore } from './score.ts'

/** Says of scaled rows how unusual they are: what a kind of model adds to a network. */
export interface Judge {
  /** Scores a row; NaN where the model gives no number. */
  score(scaled: Float32Array): number
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
  return {
    columns: [...errors.keys()],
    errors,
    score(scaled) {
      network.predict(scaled, 1, found)
      return reconstructionScore(scaled, found, weights, errors)
    },
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
  return {
    columns: judged,
    errors,
    score(scaled) {
      for (let i = 0; i < given.length; i++) seen[i] = scaled[given[i]]
      network.predict(seen, 1, found)
      return regressionScore(scaled, found, judged, weights, errors)
    },
    expected: (column) => found[placeOf.get(column)!],
    usualError: (column) => usualErrors[placeOf.get(column)!],
  }
}

export function clusterJudge(clusters: Clusters): Judge {
  return {
    clusters,
    columns: [...clusters.errors.keys()],
    errors: clusters.errors,
    score: (scaled) => clusters.score(scaled),
    expected: (column) => clusters.expected(column),
    usualError: (column) => clusters.usualError(column),
  }
}
