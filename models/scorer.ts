import type { ReadingBatch } from '../sensors/reading.ts'
import { Alarm } from './alarm.ts'
import type { Bundle } from './bundle/load.ts'
import { type CatalogView, FeatureBuilder } from './features/builder.ts'
import type { FeatureRow } from './features/row.ts'
import type { OpenNetwork } from './runtime/open.ts'
import type { RuntimeName } from './runtime.ts'
import { reconstructionScore } from './score.ts'

/** How many contributors an inference names at most. */
export const MAX_CONTRIBUTORS = 5
/** Rows further apart than this many steps do not count as one stretch of time. */
export const GAP_STEPS = 5

/** A column's part in a score. */
export interface Contributor {
  /** Name of the input. */
  readonly signal: string
  /** Part of the score that it makes up, 0 to 1. */
  readonly share: number
  /** What was read, and what the network expected, both in the signal's unit. */
  readonly value: number
  readonly expected: number
  readonly unit: string
  /** What is usual: mean and spread in training, and the least and most seen there. */
  readonly normal: {
    readonly mean: number
    readonly spread: number
    readonly min: number
    readonly max: number
  }
}

/** What a model says of one feature row. */
export interface Inference {
  readonly timeUs: number
  readonly score: number
  readonly threshold: number
  /** This row alone is above the threshold. */
  readonly above: boolean
  /** An event is going on: `above` after minimum duration, hysteresis and cool-down. */
  readonly anomaly: boolean
  /** Set on the row with which an event begins or ends. */
  readonly event?: 'begin' | 'end'
  /** The largest parts of the score, the largest first, at most `MAX_CONTRIBUTORS`. */
  readonly contributors: readonly Contributor[]
  readonly bundleHash: string
  readonly runtime: RuntimeName
  /** Time that the network and the score took. */
  readonly latencyUs: number
  readonly sourceFromUs: number
  readonly sourceToUs: number
}

const NO_SIGNALS: CatalogView = {
  size: 0,
  at() {
    throw new RangeError('no catalog was given to this scorer')
  },
}

/**
 * Scores one vehicle: features, network, threshold and alarm of one bundle. Feed it either readings
 * or rows, not both. Synchronous; memory is fixed by the bundle.
 */
export class Scorer {
  readonly features: FeatureBuilder
  /** Rows for which the network gave no finite score; no inference is made of them. */
  invalid = 0
  scored = 0
  readonly #bundle: Bundle
  readonly #open: OpenNetwork
  readonly #alarm: Alarm
  readonly #nowUs: () => number
  readonly #output: Float32Array
  readonly #errors: Float64Array
  readonly #order: number[]
  readonly #usual: Pick<Contributor, 'unit' | 'normal'>[]

  /**
   * @param nowUs a clock that never jumps, microseconds, to measure latency
   */
  constructor(
    bundle: Bundle,
    open: OpenNetwork,
    options: { catalog?: CatalogView; nowUs?: () => number } = {},
  ) {
    const { features, threshold, alarm } = bundle.manifest
    this.features = new FeatureBuilder(features, options.catalog ?? NO_SIGNALS)
    this.#bundle = bundle
    this.#open = open
    this.#alarm = new Alarm(threshold.value, alarm, features.sampleEveryMs * GAP_STEPS)
    this.#nowUs = options.nowUs ?? (() => performance.now() * 1000)
    this.#output = new Float32Array(open.network.outputs)
    this.#errors = new Float64Array(open.network.outputs)
    this.#order = features.inputs.map((_, i) => i)
    this.#usual = features.inputs.map(({ unit, scaling, range }) => ({
      unit,
      normal: { mean: scaling.offset, spread: 1 / scaling.factor, ...range },
    }))
  }

  /** Takes readings; hands out an inference for each row that they complete. */
  readings(batch: ReadingBatch, emit: (inference: Inference) => void): void {
    this.features.push(batch, (row) => {
      const inference = this.score(row)
      if (inference) emit(inference)
    })
  }

  /** Takes one raw value for each input, NaN where it is missing. */
  columns(values: Float64Array, timeUs: number): Inference | undefined {
    const row = this.features.rowFromColumns(values, timeUs)
    return row && this.score(row)
  }

  /** Scores a finished row. */
  score(row: FeatureRow): Inference | undefined {
    const { manifest, hash } = this.#bundle
    const startUs = this.#nowUs()
    this.#open.network.predict(row.scaled, 1, this.#output)
    const weights = manifest.output.weights
    const score = reconstructionScore(row.scaled, this.#output, weights, this.#errors)
    const latencyUs = this.#nowUs() - startUs
    if (!Number.isFinite(score)) {
      this.invalid++
      return undefined
    }
    this.scored++
    const event = this.#alarm.step(score, row.timeUs)
    return {
      timeUs: row.timeUs,
      score,
      threshold: manifest.threshold.value,
      above: score > manifest.threshold.value,
      anomaly: this.#alarm.active,
      ...(event ? { event } : {}),
      contributors: this.#contributors(row, score),
      bundleHash: hash,
      runtime: this.#open.runtime,
      latencyUs,
      sourceFromUs: row.sourceFromUs,
      sourceToUs: row.sourceToUs,
    }
  }

  #contributors(row: FeatureRow, score: number): Contributor[] {
    const errors = this.#errors
    // Of equal ones the first in the manifest leads, whatever the order was before.
    this.#order.sort((a, b) => errors[b] - errors[a] || a - b)
    return this.#order.slice(0, MAX_CONTRIBUTORS).map((i) => {
      const { name, scaling } = this.#bundle.manifest.features.inputs[i]
      return {
        signal: name,
        share: score > 0 ? errors[i] / score : 0,
        value: row.raw[i],
        expected: this.#output[i] / scaling.factor + scaling.offset,
        ...this.#usual[i],
      }
    })
  }
}
