import type { Bundle } from '../bundle/load.ts'
import type { GoldenRow, TrainingSource } from '../bundle/manifest.ts'
import { writeBundle } from '../bundle/write.ts'
import { ModelError } from '../errors.ts'
import { RowMaker } from '../features/row.ts'
import type { FittedFeatures } from '../features/spec.ts'
import { openNetwork } from '../runtime/open.ts'
import { loadTensorFlow, tensorFlowRuntime } from '../runtime/tfjs.ts'
import type { Network } from '../runtime.ts'
import { reconstructionScore } from '../score.ts'
import { GAP_STEPS } from '../scorer.ts'
import { fitFeatures } from './fit.ts'
import { type EpochProgress, partsOfModel, trainNetwork } from './network.ts'
import { randomOf } from './random.ts'
import type { Recipe } from './recipe.ts'
import { collectRows, type RowStore, type TrainingRow } from './rows.ts'
import { chooseThreshold } from './threshold.ts'

const GOLDEN_ROWS = 8
const GOLDEN_TOLERANCE = 1e-4
/** Rows that one call of the network scores. */
const CHUNK_ROWS = 1024

export interface TrainingOptions {
  readonly recipe: Recipe
  readonly rows: AsyncIterable<TrainingRow>
  /** Where the rows come from; asked after the last row, when offsets and counts are known. */
  readonly source: () => TrainingSource
  /** Folder of the bundle to be written. */
  readonly out: string
  /** `milepost` and its version. */
  readonly codeVersion: string
  readonly onRows?: (records: number) => void
  /** Told once all rows have been read. */
  readonly onCollected?: () => void
  readonly onEpoch?: EpochProgress
}

/**
 * Trains a bundle. The same rows in the same order, recipe and code give the same bundle hash.
 * @throws ModelError `TRAINING_DATA` where the rows do not do, `RUNTIME_MISSING` without TensorFlow.js
 */
export async function trainBundle(options: TrainingOptions): Promise<Bundle> {
  const { recipe } = options
  const tensorFlow = await loadTensorFlow('tfjs-cpu')
  const collected = await collectRows(options.rows, recipe, options.onRows)
  options.onCollected?.()
  const features = fitFeatures(recipe, collected.train)
  const width = features.inputs.length
  const trainScaled = scaleRows(features, collected.train)
  const model = await trainNetwork(tensorFlow, recipe, trainScaled, width, options.onEpoch)
  const parts = await partsOfModel(tensorFlow, model)
  model.dispose()
  const network = await tensorFlowRuntime('tfjs-cpu').load(parts)
  try {
    const weights =
      recipe.weights === 'equal'
        ? Array<number>(width).fill(1)
        : residualWeights(network, trainScaled, features)
    const scores = scoreRows(network, scaleRows(features, collected.heldOut), weights)
    if (!scores.every(Number.isFinite)) {
      throw new ModelError('TRAINING_DATA', 'the training diverged: scores are not finite', {
        hint: 'Take a smaller learning rate in the recipe.',
      })
    }
    const threshold = chooseThreshold(
      scores,
      collected.heldOut,
      recipe.threshold,
      recipe.alarm,
      features.sampleEveryMs,
      features.sampleEveryMs * GAP_STEPS,
    )
    const { train, heldOut, ...counts } = collected
    const bundle = writeBundle(
      options.out,
      {
        kind: 'reconstruction',
        name: recipe.name,
        description: recipe.description,
        features,
        network: { inputs: width, outputs: width },
        output: { meaning: 'reconstruction', weights },
        threshold,
        alarm: recipe.alarm,
        golden: {
          tolerance: GOLDEN_TOLERANCE,
          rows: goldenRows(features, network, weights, recipe.seed),
        },
        limits: recipe.limits,
        trained: {
          source: options.source(),
          ...counts,
          used: train.count,
          heldOut: heldOut.count,
          seed: recipe.seed,
          recipe: { name: recipe.name, sha256: recipe.sha256 },
          codeVersion: options.codeVersion,
        },
      },
      parts,
    )
    // What is handed out has passed its own golden rows on the runtime that will carry it.
    ;(await openNetwork(bundle)).network.dispose()
    return bundle
  } finally {
    network.dispose()
  }
}

function scaleRows(features: FittedFeatures, rows: RowStore): Float32Array {
  const maker = new RowMaker(features)
  const scaled = new Float32Array(rows.count * rows.width)
  for (let i = 0; i < rows.count; i++) {
    scaled.set(maker.make(rows.row(i), rows.timeUs[i])!.scaled, i * rows.width)
  }
  return scaled
}

/** Runs rows through a network in bounded chunks. */
function eachOutput(
  network: Network,
  scaled: Float32Array,
  use: (index: number, row: Float32Array, output: Float32Array) => void,
): void {
  const width = network.inputs
  const rows = scaled.length / width
  const out = new Float32Array(CHUNK_ROWS * network.outputs)
  for (let from = 0; from < rows; from += CHUNK_ROWS) {
    const count = Math.min(CHUNK_ROWS, rows - from)
    network.predict(scaled.subarray(from * width, (from + count) * width), count, out)
    for (let i = 0; i < count; i++) {
      const at = (from + i) * width
      use(
        from + i,
        scaled.subarray(at, at + width),
        out.subarray(i * network.outputs, (i + 1) * network.outputs),
      )
    }
  }
}

export function scoreRows(
  network: Network,
  scaled: Float32Array,
  weights: readonly number[],
): Float64Array {
  const scores = new Float64Array(scaled.length / network.inputs)
  const errors = new Float64Array(network.outputs)
  eachOutput(network, scaled, (index, row, output) => {
    scores[index] = reconstructionScore(row, output, weights, errors)
  })
  return scores
}

/** Largest weight of a column: a residual that is next to nothing must not drown all others. */
const MAX_WEIGHT = 1000

/**
 * One over each column's mean squared residual: of a column that follows from the others, a small
 * difference tells much; of one that is noise, a large one tells little. A usual score is then 1.
 * A column that never moved in training has no residual to go by, and keeps its scaling's weight.
 */
function residualWeights(
  network: Network,
  scaled: Float32Array,
  { inputs }: FittedFeatures,
): number[] {
  const squares = new Float64Array(network.outputs)
  eachOutput(network, scaled, (_, row, output) => {
    for (let i = 0; i < squares.length; i++) squares[i] += (row[i] - output[i]) ** 2
  })
  const rows = scaled.length / network.inputs
  return Array.from(squares, (sum, i) =>
    inputs[i].range.min === inputs[i].range.max
      ? 1
      : Number(Math.min(MAX_WEIGHT, rows / Math.max(sum, 1e-30)).toPrecision(6)),
  )
}

/** Rows made up inside the fitted ranges: golden rows never show anybody's data. */
function goldenRows(
  features: FittedFeatures,
  network: Network,
  weights: readonly number[],
  seed: number,
): GoldenRow[] {
  const random = randomOf(seed ^ 0x901d)
  const maker = new RowMaker(features)
  const output = new Float32Array(network.outputs)
  const errors = new Float64Array(network.outputs)
  return Array.from({ length: GOLDEN_ROWS }, (_, index) => {
    // The first stands at the middle of everything; the others are anywhere inside.
    const raw = features.inputs.map(({ scaling, range }) =>
      index === 0
        ? scaling.offset
        : Number((range.min + (range.max - range.min) * random()).toPrecision(6)),
    )
    const row = maker.make(Float64Array.from(raw), 0)!
    network.predict(row.scaled, 1, output)
    const score = reconstructionScore(row.scaled, output, weights, errors)
    return { raw, scaled: [...row.scaled], output: [...output], score }
  })
}
