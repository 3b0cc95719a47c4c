import type { AlarmSpec } from '../../../models/bundle/manifest.ts'
import { GAP_STEPS } from '../../../models/scorer.ts'
import { RowStore } from '../../../models/training/row-store.ts'
import { chooseThreshold, countAlarms } from '../../../models/training/threshold.ts'
import { DETECTORS, type Detectors, type Scores } from './detectors.ts'

/** Drives without a fault: what thresholds are chosen by, or false alarms are counted on. */
export class Healthy {
  readonly #alarm: AlarmSpec
  readonly #sampleEveryMs: number
  readonly #rows = new RowStore(0, 5_000_000)
  readonly #scores: number[][] = DETECTORS.map(() => [])
  #vehicles = 0

  constructor({ alarm, features }: Detectors) {
    this.#alarm = alarm
    this.#sampleEveryMs = features.sampleEveryMs
  }

  get hours(): number {
    return (this.#rows.count * this.#sampleEveryMs) / 3_600_000
  }

  add({ timeUs, scores }: Scores): void {
    for (const at of timeUs) this.#rows.push(this.#vehicles, at, new Float64Array(0))
    for (const [d, list] of scores.entries()) for (const score of list) this.#scores[d].push(score)
    this.#vehicles++
  }

  /** Of each detector, as a training chooses it. */
  thresholds(wanted: { alarms: number; hours: number }): number[] {
    return this.#scores.map((scores, d) => {
      const { value, basis } = chooseThreshold(
        Float64Array.from(scores),
        this.#rows,
        wanted,
        this.#alarm,
        this.#sampleEveryMs,
        this.#sampleEveryMs * GAP_STEPS,
      )
      console.error(
        `  ${DETECTORS[d]}: threshold ${value}, ${basis} from ${this.hours.toFixed(1)} h`,
      )
      return value
    })
  }

  alarms(detector: number, threshold: number): number {
    const scores = Float64Array.from(this.#scores[detector])
    return countAlarms(scores, this.#rows, threshold, this.#alarm, this.#sampleEveryMs * GAP_STEPS)
  }
}
