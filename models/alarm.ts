import type { AlarmSpec } from './bundle/manifest.ts'

/**
 * Makes events of scores: an event begins when scores have stayed above the threshold for
 * `minDurationMs`, and ends when they have stayed below `clearRatio × threshold` for `coolDownMs`.
 * So one fault, however its score trembles, is one event.
 */
export class Alarm {
  /** True while an event lasts. */
  active = false
  readonly #threshold: number
  readonly #clearBelow: number
  readonly #minUs: number
  readonly #coolUs: number
  /** Rows further apart than this say nothing of the time between them. */
  readonly #gapUs: number
  #aboveSinceUs = Number.NaN
  #clearSinceUs = Number.NaN
  #lastUs = Number.NaN

  constructor(threshold: number, spec: AlarmSpec, maxGapMs: number) {
    this.#threshold = threshold
    this.#clearBelow = threshold * spec.clearRatio
    this.#minUs = spec.minDurationMs * 1000
    this.#coolUs = spec.coolDownMs * 1000
    this.#gapUs = maxGapMs * 1000
  }

  /** Takes the next score; tells when an event begins or ends with it. */
  step(score: number, timeUs: number): 'begin' | 'end' | undefined {
    const passed = timeUs - this.#lastUs
    // Also where the clock went back: what was above then need not have been above all the time.
    if (passed > this.#gapUs || passed < 0) this.#aboveSinceUs = this.#clearSinceUs = Number.NaN
    this.#lastUs = timeUs
    if (score > this.#threshold) {
      if (Number.isNaN(this.#aboveSinceUs)) this.#aboveSinceUs = timeUs
    } else this.#aboveSinceUs = Number.NaN
    if (score < this.#clearBelow) {
      if (Number.isNaN(this.#clearSinceUs)) this.#clearSinceUs = timeUs
    } else this.#clearSinceUs = Number.NaN
    if (!this.active && timeUs - this.#aboveSinceUs >= this.#minUs) {
      this.active = true
      return 'begin'
    }
    if (this.active && timeUs - this.#clearSinceUs >= this.#coolUs) {
      this.active = false
      return 'end'
    }
    return undefined
  }
}
