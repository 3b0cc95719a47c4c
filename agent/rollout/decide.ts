import type { RolloutEntry } from '../../models/release/entry.ts'
import { isReached, placeOf } from '../../models/release/place.ts'
import type { Outcome } from './outcomes.ts'

/** When a stage is left, and for which side. */
export interface WatchLimits {
  /** A vehicle of the stage that has told nothing final by then counts as a failure. */
  readonly timeoutMs: number
  /** Share of the stage's vehicles that may fail. */
  readonly maxFailedShare: number
  /** Vehicles that must be good before the next stage; a stage with fewer waits for all it has. */
  readonly minGood: number
}

/** The vehicles whose turn has come, by what became of them. */
export interface StageCount {
  readonly vehicles: number
  readonly good: number
  readonly failed: number
  readonly timedOut: number
  readonly underWay: number
  /** No word of this release as yet. */
  readonly silent: number
  readonly notForIt: number
  /** Some of those that failed, and why. */
  readonly reasons: readonly { readonly vehicle: string; readonly reason: string }[]
}

export type Decision = {
  readonly is: 'wait' | 'advance' | 'abort' | 'done' | 'over'
  readonly reason: string
}

/** Reasons that are shown. */
const MAX_REASONS = 5

/** Counts the vehicles of the stage that is on. */
export function countStage(
  entry: RolloutEntry,
  fleet: Iterable<string>,
  outcomeOf: (vehicle: string, file: string) => Outcome | undefined,
  stage: { sinceMs: number; nowMs: number; timeoutMs: number },
): StageCount {
  const count = {
    vehicles: 0,
    good: 0,
    failed: 0,
    timedOut: 0,
    underWay: 0,
    silent: 0,
    notForIt: 0,
    reasons: [] as { vehicle: string; reason: string }[],
  }
  const late = stage.nowMs - stage.sinceMs >= stage.timeoutMs
  const blame = (vehicle: string, reason: string): void => {
    if (count.reasons.length < MAX_REASONS) count.reasons.push({ vehicle, reason })
  }
  for (const vehicle of fleet) {
    if (!isReached(placeOf(vehicle, entry.seed), entry.percent)) continue
    const outcome = outcomeOf(vehicle, entry.candidate.sha256)
    if (outcome?.is === 'not for it') {
      count.notForIt++
      continue
    }
    count.vehicles++
    if (outcome?.is === 'good') count.good++
    else if (outcome?.is === 'failed') {
      count.failed++
      blame(vehicle, outcome.reason ?? outcome.phase)
    } else if (late) {
      count.timedOut++
      blame(vehicle, outcome ? `still at ${outcome.phase}` : 'told nothing')
    } else if (outcome) count.underWay++
    else count.silent++
  }
  return count
}

/** What is to be done about a rollout, by what its vehicles told. */
export function decide(entry: RolloutEntry, count: StageCount, limits: WatchLimits): Decision {
  if (entry.state === 'aborted') return { is: 'over', reason: entry.note ?? 'it was taken back' }
  const { vehicles, good, failed, timedOut } = count
  const bad = failed + timedOut
  if (vehicles > 0 && bad > limits.maxFailedShare * vehicles) {
    const first = count.reasons[0]
    const why = first ? `; ${first.vehicle}: ${first.reason}` : ''
    return {
      is: 'abort',
      reason: `${failed} failed and ${timedOut} timed out of ${vehicles} in stage ${entry.stage}${why}`,
    }
  }
  if (entry.state === 'paused') return { is: 'wait', reason: 'it is paused by hand' }
  const decided = good + bad
  const enough = good >= Math.min(limits.minGood, vehicles)
  const last = entry.stages.at(-1)?.name === entry.stage || entry.state === 'done'
  if (vehicles === 0 && !last) return { is: 'advance', reason: 'no vehicle is in this stage' }
  if (decided < vehicles || vehicles === 0 || !enough) {
    return { is: 'wait', reason: `${vehicles - decided} of ${vehicles} have yet to report` }
  }
  const reason = `${good} of ${vehicles} are good in stage ${entry.stage}`
  return { is: last ? 'done' : 'advance', reason }
}
