import type { FeatureSpec, Missing } from './spec.ts'

/** One row for a network. Reused for the next row: copy what must outlive the call. */
export interface FeatureRow {
  /** End of the time that the row tells of, microseconds since the epoch. */
  timeUs: number
  /** In the signals' units, missing ones filled by their rule. */
  readonly raw: Float64Array
  readonly scaled: Float32Array
  /** Time of the oldest and the newest reading in it. */
  sourceFromUs: number
  sourceToUs: number
}

/** What became of the rows so far. */
export interface RowCounts {
  made: number
  /** Rows not made because a value was missing and its rule said so. */
  skipped: number
  /** Values filled by holding, and by their default. */
  held: number
  defaulted: number
  /** Values that were no finite number and counted as missing. */
  rejected: number
}

/**
 * Fills and scales rows: the one place where missing-value rules and scaling are applied, whether
 * values come from readings on a vehicle, from a history, or from a CSV file.
 */
export class RowMaker {
  readonly counts: RowCounts = { made: 0, skipped: 0, held: 0, defaulted: 0, rejected: 0 }
  /** Input that caused each skip: count by index. */
  readonly skippedBy: Uint32Array
  readonly #missing: readonly Missing[]
  readonly #offset: Float64Array
  readonly #factor: Float64Array
  readonly #clip: number
  readonly #heldValue: Float64Array
  readonly #heldTimeUs: Float64Array
  readonly #row: FeatureRow

  constructor(spec: FeatureSpec) {
    const width = spec.inputs.length
    this.skippedBy = new Uint32Array(width)
    this.#missing = spec.inputs.map((input) => input.missing)
    this.#offset = Float64Array.from(spec.inputs, (input) => input.scaling?.offset ?? 0)
    this.#factor = Float64Array.from(spec.inputs, (input) => input.scaling?.factor ?? 1)
    this.#clip = spec.inputs.every((input) => input.scaling) ? spec.clip : Number.MAX_VALUE
    this.#heldValue = new Float64Array(width).fill(Number.NaN)
    this.#heldTimeUs = new Float64Array(width)
    this.#row = {
      timeUs: 0,
      raw: new Float64Array(width),
      scaled: new Float32Array(width),
      sourceFromUs: 0,
      sourceToUs: 0,
    }
  }

  /** Forgets held values, as after a jump of the clock. */
  reset(): void {
    this.#heldValue.fill(Number.NaN)
  }

  /**
   * Makes the row of `timeUs`, or nothing where a missing value forbids it.
   * @param values one raw value for each input; NaN stands for missing
   * @param fromUs time of the oldest reading behind each value; left out, it is `timeUs`
   * @param toUs time of the newest reading behind each value; left out, it is `timeUs`
   */
  make(
    values: Float64Array,
    timeUs: number,
    fromUs?: Float64Array,
    toUs?: Float64Array,
  ): FeatureRow | undefined {
    const row = this.#row
    let sourceFromUs = Number.POSITIVE_INFINITY
    let sourceToUs = Number.NEGATIVE_INFINITY
    let culprit = -1
    for (let i = 0; i < values.length; i++) {
      let value = values[i]
      let oldest = fromUs ? fromUs[i] : timeUs
      let newest = toUs ? toUs[i] : timeUs
      if (!Number.isNaN(value) && !Number.isFinite(value)) {
        this.counts.rejected++
        value = Number.NaN
      }
      if (Number.isNaN(value)) {
        const missing = this.#missing[i]
        const held = this.#heldValue[i]
        if (missing.rule === 'default') {
          value = missing.value
          this.counts.defaulted++
          oldest = newest = Number.NaN
        } else if (
          missing.rule === 'hold' &&
          !Number.isNaN(held) &&
          timeUs - this.#heldTimeUs[i] <= missing.maxAgeMs * 1000
        ) {
          value = held
          this.counts.held++
          oldest = newest = this.#heldTimeUs[i]
        } else {
          // Go on to the last input: what is there must be held for the next row all the same.
          if (culprit < 0) culprit = i
          continue
        }
      } else {
        this.#heldValue[i] = value
        this.#heldTimeUs[i] = newest
      }
      if (oldest < sourceFromUs) sourceFromUs = oldest
      if (newest > sourceToUs) sourceToUs = newest
      row.raw[i] = value
      const scaled = (value - this.#offset[i]) * this.#factor[i]
      row.scaled[i] = Math.min(this.#clip, Math.max(-this.#clip, scaled))
    }
    if (culprit >= 0) {
      this.counts.skipped++
      this.skippedBy[culprit]++
      return undefined
    }
    row.timeUs = timeUs
    row.sourceFromUs = Number.isFinite(sourceFromUs) ? sourceFromUs : timeUs
    row.sourceToUs = Number.isFinite(sourceToUs) ? sourceToUs : timeUs
    this.counts.made++
    return row
  }
}
