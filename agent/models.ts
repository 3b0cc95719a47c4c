import { openBundle } from '../models/bundle/archive.ts'
import type { Bundle } from '../models/bundle/load.ts'
import { type OpenNetwork, openNetwork } from '../models/runtime/open.ts'
import { type Inference, Scorer } from '../models/scorer.ts'
import type { ReadingBatch, SignalCatalog } from '../sensors/reading.ts'
import type { Clock } from '../sensors/sensor.ts'
import type { Lane } from '../sync/record.ts'
import type { Collected } from './collection/campaign.ts'
import type { LoadedConfig } from './config/load.ts'
import type { Logger } from './log.ts'
import type { ReadingObserver } from './pipeline.ts'

/** What `status` says of one model. */
export interface ModelStatus {
  readonly name: string
  /** Hash of the bundle. */
  readonly hash: string
  readonly runtime: string
  readonly threshold: number
  readonly inferences: number
  /** Rows for which the network gave no finite score. */
  readonly invalid: number
  /** Events begun since the start; each is one record. */
  readonly anomalies: number
  readonly active: boolean
  readonly lastScore: number | undefined
  /** Signals that were there in a unit which the model cannot take. */
  readonly problems: readonly string[]
}

/** The models of the agent: verified when loaded, scored as readings come. */
export interface Models {
  readonly observers: readonly ReadingObserver[]
  status(): ModelStatus[]
  close(): void
}

/** Loads every bundle of the config; one that does not verify is refused before anything starts. */
export async function loadModels(
  config: LoadedConfig,
  catalog: SignalCatalog,
  clock: Clock,
  log: Logger,
  tell: {
    keep(lane: Lane, record: Collected): void
    /** An anomaly has begun: campaigns may capture what was around it. */
    began(model: string, timeUs: number, score: number): void
    /** Every inference. */
    inference(model: string, inference: Inference): void
  },
): Promise<Models> {
  const live = await Promise.all(
    config.models.map(async ({ bundle: dir, lane, runtime }) => {
      const bundle = await openBundle(dir)
      const open = await openNetwork(bundle, runtime === 'auto' ? undefined : runtime)
      const scorer = new Scorer(bundle, open, { catalog, nowUs: () => clock.monoUs() })
      const { name } = bundle.manifest
      return new LiveModel(bundle, open, scorer, (inference) => {
        tell.inference(name, inference)
        const { event, score, threshold, contributors } = inference
        if (!event) return
        const level = event === 'begin' ? 'warn' : 'info'
        log[level]({ model: name, score, threshold }, `anomaly ${event}: ${contributors[0].signal}`)
        tell.keep(lane, inferenceRecord(name, inference))
        if (event === 'begin') tell.began(name, inference.timeUs, score)
      })
    }),
  )
  return {
    observers: live,
    status: () => live.map((model) => model.status()),
    close: () => {
      for (const model of live) model.close()
    },
  }
}

/** One bundle at work: counts what it says, and tells when an anomaly begins or ends. */
class LiveModel implements ReadingObserver {
  readonly name: string
  readonly #bundle: Bundle
  readonly #open: OpenNetwork
  readonly #scorer: Scorer
  readonly #emit: (inference: Inference) => void
  #anomalies = 0
  #last: Inference | undefined

  constructor(
    bundle: Bundle,
    open: OpenNetwork,
    scorer: Scorer,
    tell: (inference: Inference) => void,
  ) {
    this.name = `model ${bundle.manifest.name}`
    this.#bundle = bundle
    this.#open = open
    this.#scorer = scorer
    this.#emit = (inference) => {
      this.#last = inference
      if (inference.event === 'begin') this.#anomalies++
      tell(inference)
    }
  }

  observe(batch: ReadingBatch): void {
    this.#scorer.readings(batch, this.#emit)
  }

  status(): ModelStatus {
    const { manifest, hash } = this.#bundle
    return {
      name: manifest.name,
      hash,
      runtime: this.#open.runtime,
      threshold: manifest.threshold.value,
      inferences: this.#scorer.scored,
      invalid: this.#scorer.invalid,
      anomalies: this.#anomalies,
      active: this.#last?.anomaly ?? false,
      lastScore: this.#last?.score,
      problems: this.#scorer.features.problems.map(
        ({ signal, unit, wanted }) => `${signal} is in ${unit || 'no unit'}, not ${wanted}`,
      ),
    }
  }

  close(): void {
    this.#open.network.dispose()
  }
}

/** The record that begins or ends an anomaly. */
function inferenceRecord(model: string, inference: Inference): Collected {
  const { timeUs, event, score, threshold, contributors, bundleHash, runtime } = inference
  const { latencyUs, sourceFromUs, sourceToUs } = inference
  return {
    type: 'milepost.inference.v1',
    timeUs,
    content: {
      model,
      event,
      timeUs,
      score,
      threshold,
      contributors,
      bundleHash,
      runtime,
      latencyUs,
      sourceFromUs,
      sourceToUs,
    },
  }
}
