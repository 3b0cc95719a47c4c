import type { Bundle } from './bundle/load.ts'
import type { Manifest } from './bundle/manifest.ts'
import { Clusters } from './clustering/clusters.ts'
import type { ClusterParts, Network } from './runtime.ts'
import { reconstructionScore } from './score.ts'

/** Says of scaled rows how unusual they are: what a kind of model adds to a network. */
export interface Judge {
  /** Scores a row; NaN where the model gives no number. */
  score(scaled: Float32Array): number
  /** Of the row scored last: each column's part of the score; only their proportion counts. */
  readonly errors: Float64Array
  /** Of that row: what was expected of a column, and how far off it usually is; scaled. */
  expected(column: number): number
  usualError(column: number): number
  /** What goes on learning, if this kind does. */
  readonly clusters?: Clusters
}

/** The judge of a bundle; one that learns has a state of its own, and so belongs to one vehicle. */
export function judgeOf({ manifest, model }: Bundle, network: Network): Judge {
  return manifest.kind === 'clustering'
    ? clusterJudge(new Clusters(model as ClusterParts, manifest.learning))
    : reconstructionJudge(network, manifest.output)
}

export function reconstructionJudge(
  network: Network,
  output: Extract<Manifest, { kind: 'reconstruction' }>['output'],
): Judge {
  const { weights } = output
  // Bundles of before this was kept: a weight by residuals is one over the usual error's square.
  const usual = output.usualErrors ?? weights.map((weight) => 1 / Math.sqrt(weight || 1))
  const found = new Float32Array(network.outputs)
  const errors = new Float64Array(network.outputs)
  return {
    errors,
    score(scaled) {
      network.predict(scaled, 1, found)
      return reconstructionScore(scaled, found, weights, errors)
    },
    expected: (column) => found[column],
    usualError: (column) => usual[column],
  }
}

export function clusterJudge(clusters: Clusters): Judge {
  return {
    clusters,
    errors: clusters.errors,
    score: (scaled) => clusters.score(scaled),
    expected: (column) => clusters.expected(column),
    usualError: (column) => clusters.usualError(column),
  }
}
