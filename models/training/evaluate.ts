import type { Bundle } from '../bundle/load.ts'
import { ModelError } from '../errors.ts'
import type { OpenNetwork } from '../runtime/open.ts'
import { Scorers } from '../scorers.ts'
import { FailedRule } from './failed.ts'
import type { Recipe } from './recipe.ts'
import type { TrainingRow } from './rows.ts'

/** Rows that one evaluation keeps scores of; those beyond them are counted. */
export const MAX_EVALUATED_ROWS = 5_000_000

export interface Evaluation {
  /** Chance that a failed row scores above a clean one; 0.5 is guessing. */
  readonly auc: number
  readonly vehicles: number
  readonly clean: number
  readonly failed: number
  /** Failed and clean rows above the threshold. */
  readonly found: number
  readonly falseRows: number
  /** Rows beyond `MAX_EVALUATED_ROWS`, left out. */
  readonly leftOut: number
}

/** A scored row and whether the recipe's rule calls it failed. */
export interface Judged {
  readonly score: number
  readonly failed: boolean
}

/**
 * Scores rows of vehicles that the recipe did not train on, and compares with its rule of failure.
 * @param keep rows that count, by their raw values; all of them if left out
 * @param limits rows compared at most, the first ones; vehicles at most
 * @throws ModelError `TRAINING_DATA` where there is nothing to compare, or more vehicles than `Scorers` has
 * room for
 */
export async function evaluateBundle(
  bundle: Bundle,
  open: OpenNetwork,
  recipe: Recipe,
  rows: AsyncIterable<TrainingRow>,
  keep: (values: Float64Array) => boolean = () => true,
  { maxRows = MAX_EVALUATED_ROWS, maxVehicles }: { maxRows?: number; maxVehicles?: number } = {},
): Promise<Evaluation> {
  const trainedOn = recipe.vehicles && new RegExp(`^(?:${recipe.vehicles.include})$`)
  const rule = new FailedRule(recipe)
  const scorers = new Scorers(bundle, open, { maxVehicles })
  const judged: Judged[] = []
  let leftOut = 0
  for await (const { vehicle, timeUs, values } of rows) {
    if (trainedOn?.test(vehicle)) continue
    const inference = scorers.of(vehicle).columns(values, timeUs)
    const failed = rule.test(vehicle, values)
    if (!inference || !keep(values)) continue
    if (judged.length < maxRows) judged.push({ score: inference.score, failed })
    else leftOut++
  }
  const above = judged.filter(({ score }) => score > bundle.manifest.threshold.value)
  const failed = judged.filter((one) => one.failed).length
  const found = above.filter((one) => one.failed).length
  return {
    auc: areaUnderCurve(judged),
    vehicles: scorers.vehicles,
    clean: judged.length - failed,
    failed,
    found,
    falseRows: above.length - found,
    leftOut,
  }
}

/** Area under the ROC curve, by ranks; equal scores share theirs (Mann and Whitney 1947). */
export function areaUnderCurve(judged: readonly Judged[]): number {
  const sorted = [...judged].sort((a, b) => a.score - b.score)
  const failed = sorted.filter((one) => one.failed).length
  const clean = sorted.length - failed
  if (failed === 0 || clean === 0) {
    throw new ModelError('TRAINING_DATA', `${failed} failed and ${clean} clean rows`, {
      hint: 'Both are needed to compare: give other rows, or another rule of failure.',
    })
  }
  let ranks = 0
  for (let from = 0; from < sorted.length; ) {
    let to = from
    while (to < sorted.length && sorted[to].score === sorted[from].score) to++
    const rank = (from + 1 + to) / 2
    for (let i = from; i < to; i++) if (sorted[i].failed) ranks += rank
    from = to
  }
  return (ranks - (failed * (failed + 1)) / 2) / (failed * clean)
}
