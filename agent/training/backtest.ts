import type { Bundle } from '../../models/bundle/load.ts'
import { LogFeatures, type LoggedReadings } from '../../models/features/log.ts'
import { openNetwork } from '../../models/runtime/open.ts'
import type { Inference } from '../../models/scorer.ts'
import { Scorers } from '../../models/scorers.ts'
import { isByTime } from '../../sync/kafka/history.ts'
import { type LogOptions, LogReader } from './log.ts'
import { notesOf } from './notes.ts'

/** Events told one by one, of each bundle; those beyond it are counted. */
const MAX_TOLD_EVENTS = 1000
/** Points of the picture's curve, of each bundle. */
const CURVE_POINTS = 600

/** An event as a bundle would have told it. */
export interface BacktestEvent {
  readonly vehicle: string
  readonly beginUs: number
  /** Undefined where the history ends before it. */
  endUs: number | undefined
  topScore: number
  /** What contributed most when it began. */
  readonly signal: string
}

export interface BacktestResult {
  readonly name: string
  readonly hash: string
  readonly kind: string
  readonly threshold: number
  rows: number
  /** Rows above the threshold. */
  above: number
  invalid: number
  readonly vehicles: Set<string>
  events: number
  /** Vehicles with at least one event. */
  readonly troubled: Set<string>
  readonly told: BacktestEvent[]
  /** Hours of driving that rows stand for, summed over vehicles. */
  hours: number
  /** Largest score of each stretch of time, as a multiple of the threshold. */
  readonly curve: Curve
  notes: readonly string[]
}

/** A bundle among others: versions of one have the same name, so the hash tells them apart. */
export function labelOf({ name, hash }: Pick<BacktestResult, 'name' | 'hash'>): string {
  return `${name} ${hash.slice(0, 12)}`
}

/** The largest of many values by time, in a bounded number of stretches that grow as time goes on. */
class Curve {
  widthUs: number
  readonly points = new Map<number, number>()

  constructor(widthUs: number) {
    this.widthUs = widthUs
  }

  add(timeUs: number, value: number): void {
    const at = Math.floor(timeUs / this.widthUs)
    const known = this.points.get(at)
    if (known === undefined || value > known) this.points.set(at, value)
    while (this.points.size > CURVE_POINTS) this.#widen()
  }

  /** Times (µs) and values, in order of time. */
  sorted(): [timeUs: number, value: number][] {
    return [...this.points]
      .sort(([a], [b]) => a - b)
      .map(([at, value]) => [at * this.widthUs, value])
  }

  #widen(): void {
    const old = [...this.points]
    this.points.clear()
    this.widthUs *= 2
    for (const [at, value] of old) {
      const place = Math.floor(at / 2)
      this.points.set(place, Math.max(value, this.points.get(place) ?? Number.NEGATIVE_INFINITY))
    }
  }
}

/** One bundle on its way through a history: the features, model and alarm that a vehicle has. */
class Contender {
  readonly result: BacktestResult
  readonly features: LogFeatures
  readonly #open = new Map<string, BacktestEvent>()

  constructor(bundle: Bundle, network: Awaited<ReturnType<typeof openNetwork>>) {
    const { name, kind, threshold, features } = bundle.manifest
    this.result = {
      name,
      hash: bundle.hash,
      kind,
      threshold: threshold.value,
      rows: 0,
      above: 0,
      invalid: 0,
      vehicles: new Set(),
      events: 0,
      troubled: new Set(),
      told: [],
      hours: 0,
      curve: new Curve(features.sampleEveryMs * 1000),
      notes: [],
    }
    const scorers = new Scorers(bundle, network, { contributors: 'events' })
    this.features = new LogFeatures(features, (vehicle, row) => {
      const scorer = scorers.of(vehicle)
      this.result.vehicles.add(vehicle)
      this.result.rows++
      this.result.hours += features.sampleEveryMs / 3_600_000
      const inference = scorer.score(row)
      if (inference) this.#take(vehicle, inference)
      else this.result.invalid++
    })
  }

  #take(vehicle: string, inference: Inference): void {
    const { result } = this
    const { timeUs, score, threshold, event } = inference
    if (inference.above) result.above++
    result.curve.add(timeUs, score / threshold)
    const open = this.#open.get(vehicle)
    if (open) open.topScore = Math.max(open.topScore, score)
    if (event === 'end' && open) {
      open.endUs = timeUs
      this.#open.delete(vehicle)
    }
    if (event !== 'begin') return
    result.events++
    result.troubled.add(vehicle)
    const [{ signal }] = inference.contributors
    const begun = { vehicle, beginUs: timeUs, endUs: undefined, topScore: score, signal }
    this.#open.set(vehicle, begun)
    if (result.told.length < MAX_TOLD_EVENTS) result.told.push(begun)
  }
}

/**
 * Drives bundles through the same stretch of history, each with its own features, and tells what each
 * would have said. @throws SyncError as `readHistory`, ModelError as `openNetwork`
 */
export async function backtest(
  options: LogOptions,
  bundles: readonly Bundle[],
): Promise<BacktestResult[]> {
  const networks = await Promise.all(bundles.map((bundle) => openNetwork(bundle)))
  try {
    const contenders = bundles.map((bundle, i) => new Contender(bundle, networks[i]))
    const reader = new LogReader(options, (readings: LoggedReadings) => {
      for (const { features } of contenders) features.push(readings)
    })
    for await (const { finished } of reader.steps()) {
      if (finished) for (const { features } of contenders) features.close()
    }
    return contenders.map(({ result, features }, i) => ({
      ...result,
      notes: notesOf(bundles[i].manifest.features.inputs, {
        log: reader.counts,
        features: features.counts,
        skippedBy: features.skippedBy,
        problems: features.problems,
        unheard: features.unheard,
        ranges: reader.ranges,
        byTime: isByTime(options),
      }),
    }))
  } finally {
    for (const { network } of networks) network.dispose()
  }
}
