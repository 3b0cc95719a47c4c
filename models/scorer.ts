import type { ReadingBatch } from '../sensors/reading.ts'
import { Alarm } from './alarm.ts'
import type { Bundle } from './bundle/load.ts'
import type { Clusters } from './clustering/clusters.ts'
import { type CatalogView, FeatureBuilder } from './features/builder.ts'
import type { FeatureRow } from './features/row.ts'
import { unitOf } from './features/spec.ts'
import { type Judge, judgeOf } from './judge.ts'
import type { OpenNetwork } from './runtime/open.ts'
import type { RuntimeName } from './runtime.ts'

/** How many contributors an inference names at most; `othersShare` is what the rest makes up. */
const MAX_CONTRIBUTORS = 32
/** Rows further apart than this many steps do not count as one stretch of time. */
export const GAP_STEPS = 5

/** A column's part in a score. */
export interface Contributor {
  /** Name of the input. */
  readonly signal: string
  /** Part of the score that it makes up, 0 to 1. */
  readonly share: number
  /** What was read, and what the model expected, in the signal's unit. */
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
  /** How far what is read usually is from what is expected. */
  readonly usualError: number
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
  /** Parts of the score (of a regression: how far each estimate is off), the largest first, at most `MAX_CONTRIBUTORS`. */
  readonly contributors: readonly Contributor[]
  /** What all other columns make up; with the contributors' shares it sums to 1. */
  readonly othersShare: number
  readonly bundleHash: string
  readonly runtime: RuntimeName
  /** Time that the model and the score took, microseconds. */
  readonly latencyUs: number
  /** Times of the oldest and the newest reading in the row. */
  readonly sourceFromUs: number
  readonly sourceToUs: number
}

export interface ScorerOptions {
  readonly catalog?: CatalogView
  /** A clock that never jumps, microseconds, to measure latency. */
  readonly nowUs?: () => number
  /** When contributors are worked out: for every row (default), or where an event begins or ends. */
  readonly contributors?: 'rows' | 'events'
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
  /** Rows for which the network gave no finite score; no inference is made of them. */
  invalid = 0
  scored = 0
  readonly #bundle: Bundle
  readonly #catalog: CatalogView
  #features: FeatureBuilder | undefined
  readonly #runtime: RuntimeName
  readonly #judge: Judge
  readonly #alarm: Alarm
  readonly #nowUs: () => number
  readonly #explain: 'rows' | 'events'
  readonly #order: number[]
  readonly #usual: Pick<Contributor, 'unit' | 'normal'>[]

  constructor(bundle: Bundle, open: OpenNetwork, options: ScorerOptions = {}) {
    const { features, threshold, alarm } = bundle.manifest
    this.#catalog = options.catalog ?? NO_SIGNALS
    this.#bundle = bundle
    this.#runtime = open.runtime
    this.#judge = judgeOf(bundle, open.network)
    this.#alarm = new Alarm(threshold.value, alarm, features.sampleEveryMs * GAP_STEPS)
    this.#nowUs = options.nowUs ?? (() => performance.now() * 1000)
    this.#explain = options.contributors ?? 'rows'
    this.#order = [...this.#judge.columns]
    this.#usual = features.inputs.map((input) => ({
      unit: unitOf(input),
      normal: { mean: input.scaling.offset, spread: 1 / input.scaling.factor, ...input.range },
    }))
  }

  /** Made when it is first asked for: who brings finished rows needs no windows. */
  get features(): FeatureBuilder {
    this.#features ??= new FeatureBuilder(this.#bundle.manifest.features, this.#catalog)
    return this.#features
  }

  /** What this scorer goes on learning, where its kind of model does. */
  get clusters(): Clusters | undefined {
    return this.#judge.clusters
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
    const judge = this.#judge
    const startUs = this.#nowUs()
    const score = judge.score(row.scaled)
    const latencyUs = this.#nowUs() - startUs
    if (!Number.isFinite(score)) {
      this.invalid++
      return undefined
    }
    this.scored++
    const above = score > manifest.threshold.value
    const event = this.#alarm.step(score, row.timeUs)
    const explained = this.#explain === 'rows' || event !== undefined
    const contributors = explained ? this.#contributors(row) : []
    // What may be a fault must not become what is usual.
    if (judge.clusters && !above && !this.#alarm.active) judge.clusters.learn(row.scaled)
    return {
      timeUs: row.timeUs,
      score,
      threshold: manifest.threshold.value,
      above,
      anomaly: this.#alarm.active,
      ...(event ? { event } : {}),
      contributors,
      othersShare: explained ? restOf(contributors) : 1,
      bundleHash: hash,
      runtime: this.#runtime,
      latencyUs,
      sourceFromUs: row.sourceFromUs,
      sourceToUs: row.sourceToUs,
    }
  }

  #contributors(row: FeatureRow): Contributor[] {
    const judge = this.#judge
    const { errors } = judge
    let total = 0
    for (let i = 0; i < errors.length; i++) total += errors[i]
    // Of equal ones the first in the manifest leads, whatever the order was before.
    this.#order.sort((a, b) => errors[b] - errors[a] || a - b)
    return this.#order.slice(0, MAX_CONTRIBUTORS).map((i) => {
      const { name, scaling } = this.#bundle.manifest.features.inputs[i]
      return {
        signal: name,
        share: total > 0 ? errors[i] / total : 1 / judge.columns.length,
        value: row.raw[i],
        expected: judge.expected(i) / scaling.factor + scaling.offset,
        usualError: judge.usualError(i) / scaling.factor,
        ...this.#usual[i],
      }
    })
  }
}

function restOf(contributors: readonly Contributor[]): number {
  return Math.max(0, 1 - contributors.reduce((sum, { share }) => sum + share, 0))
}
