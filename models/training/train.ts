import type { Bundle } from '../bundle/load.ts'
import type { GoldenRow, TrainingSource } from '../bundle/manifest.ts'
import { type ManifestDraft, writeBundle } from '../bundle/write.ts'
import { ModelError } from '../errors.ts'
import { RowMaker } from '../features/row.ts'
import type { FittedFeatures } from '../features/spec.ts'
import type { Judge } from '../judge.ts'
import { openNetwork } from '../runtime/open.ts'
import { GAP_STEPS } from '../scorer.ts'
import { fitClusters } from './clustering.ts'
import { fitFeatures } from './fit.ts'
import type { FittedModel, Progress } from './fitted.ts'
import { randomOf } from './random.ts'
import type { Recipe } from './recipe.ts'
import { fitReconstruction } from './reconstruction.ts'
import { fitRegression } from './regression.ts'
import { CHUNK_ROWS } from './residuals.ts'
import type { RowStore } from './row-store.ts'
import { type CollectedRows, collectRows, type TrainingRow } from './rows.ts'
import { chooseThreshold } from './threshold.ts'

const GOLDEN_ROWS = 8
const GOLDEN_TOLERANCE = 1e-4

export interface TrainingOptions extends Progress {
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
}

/**
 * Trains a bundle. The same rows in the same order, recipe and code give the same bundle hash.
 * @throws ModelError `TRAINING_DATA` where the rows do not do, `RUNTIME_MISSING` without TensorFlow.js
 */
export async function trainBundle(options: TrainingOptions): Promise<Bundle> {
  const collected = await collectRows(options.rows, options.recipe, options.onRows)
  options.onCollected?.()
  return trainCollected(collected, options)
}

/** `trainBundle` from rows that have been collected already. */
export async function trainCollected(
  collected: CollectedRows,
  options: Omit<TrainingOptions, 'rows' | 'onRows' | 'onCollected'>,
): Promise<Bundle> {
  const { recipe } = options
  const features = fitFeatures(recipe, collected.train)
  const scaled = scaleRows(features, collected.train)
  const fitted = await fit(recipe, features, scaled, options)
  try {
    const { train, heldOut, ...counts } = collected
    const scores = scoreRows(features, fitted.judge(), heldOut)
    if (!scores.every(Number.isFinite)) {
      throw new ModelError('TRAINING_DATA', 'the training diverged: scores are not finite', {
        hint: 'Take a smaller learning rate in the recipe.',
      })
    }
    const threshold = chooseThreshold(
      scores,
      heldOut,
      recipe.threshold,
      recipe.alarm,
      features.sampleEveryMs,
      features.sampleEveryMs * GAP_STEPS,
    )
    const draft = {
      ...fitted.about,
      name: recipe.name,
      description: recipe.description,
      features,
      threshold,
      alarm: recipe.alarm,
      golden: { tolerance: GOLDEN_TOLERANCE, rows: goldenRows(features, fitted, recipe.seed) },
      limits: recipe.limits,
      trained: {
        source: options.source(),
        ...counts,
        used: train.count,
        heldOut: heldOut.count,
        seed: recipe.seed,
        recipe: { name: recipe.name, sha256: recipe.sha256, content: recipe.content },
        codeVersion: options.codeVersion,
      },
    } as ManifestDraft
    const bundle = writeBundle(options.out, draft, fitted.model)
    // What is handed out has passed its own golden rows on the runtime that will carry it.
    ;(await openNetwork(bundle)).network.dispose()
    return bundle
  } finally {
    fitted.dispose()
  }
}

async function fit(
  recipe: Recipe,
  features: FittedFeatures,
  scaled: Float32Array,
  progress: Progress,
): Promise<FittedModel> {
  switch (recipe.kind) {
    case 'clustering':
      return fitClusters(recipe, features, scaled, progress)
    case 'regression':
      return fitRegression(recipe, features, scaled, progress)
    case 'reconstruction':
      return fitReconstruction(recipe, features, scaled, progress)
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

function scoreRows(features: FittedFeatures, judge: Judge, rows: RowStore): Float64Array {
  const maker = new RowMaker(features)
  const scores = new Float64Array(rows.count)
  const chunk = new Float32Array(CHUNK_ROWS * rows.width)
  for (let from = 0; from < rows.count; from += CHUNK_ROWS) {
    const count = Math.min(CHUNK_ROWS, rows.count - from)
    for (let i = 0; i < count; i++) {
      chunk.set(maker.make(rows.row(from + i), rows.timeUs[from + i])!.scaled, i * rows.width)
    }
    judge.scores(chunk.subarray(0, count * rows.width), scores.subarray(from))
  }
  return scores
}

/** Rows made up inside the fitted ranges: golden rows never show anybody's data. */
function goldenRows(features: FittedFeatures, fitted: FittedModel, seed: number): GoldenRow[] {
  const random = randomOf(seed ^ 0x901d)
  const maker = new RowMaker(features)
  const judge = fitted.judge()
  return Array.from({ length: GOLDEN_ROWS }, (_, index) => {
    // The first stands at the middle of everything; the others are anywhere inside.
    const raw = features.inputs.map(({ scaling, range }) =>
      index === 0
        ? scaling.offset
        : Number((range.min + (range.max - range.min) * random()).toPrecision(6)),
    )
    const row = maker.make(Float64Array.from(raw), 0)!
    const score = judge.score(row.scaled)
    const output = judge.columns.map((column) => judge.expected(column))
    return { raw, scaled: [...row.scaled], output, score }
  })
}
