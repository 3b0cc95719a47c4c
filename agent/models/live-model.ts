import type { Bundle } from '../../models/bundle/load.ts'
import { Learned } from '../../models/clustering/learned.ts'
import { type OpenNetwork, openNetwork } from '../../models/runtime/open.ts'
import type { RuntimeName } from '../../models/runtime.ts'
import { type Inference, Scorer } from '../../models/scorer.ts'
import type { ReadingBatch, SignalCatalog } from '../../sensors/reading.ts'
import type { Clock } from '../../sensors/sensor.ts'

/** What a bundle needs of the vehicle to be at work. */
export interface Surroundings {
  readonly catalog: SignalCatalog
  readonly clock: Clock
  /** Folder for what models learn on the vehicle; without it that is forgotten with the process. */
  readonly learnedDir?: string
}

export interface LearnedStatus {
  /** Rows learned from since the bundle's training. */
  readonly rows: number
  /** Why what had been learned before the start was left out. */
  readonly refused?: string
  /** Savings that failed, and why the last one did. */
  readonly failed: number
  readonly lastFailure: string | undefined
}

/** How long a bundle may wait for its first row, beside the longest of its windows. */
const WARM_LIMIT_MS = 10_000
/** So much of the time between two batches counts as time in which readings came: a clock may jump. */
const MAX_PASSED_US = 1_000_000

/** One bundle at work: its network open, and the state of its scoring. */
export class LiveModel {
  readonly bundle: Bundle
  /** The release that brought it; undefined for the config's own. */
  readonly release: string | undefined
  readonly open: OpenNetwork
  readonly around: Surroundings
  #scorer: Scorer
  #learned: Learned | undefined
  #last: Inference | undefined
  /** Feature rows finished, whatever became of them. */
  rows = 0
  /** Time in which readings came, of this vehicle, whether or not they are any of its inputs. */
  #heardUs = 0
  #newestUs = Number.NaN

  /**
   * Opens a verified bundle; its golden rows are run before it is handed out.
   * @throws ModelError `RUNTIME_MISSING`, `BUNDLE_SHAPE`, `BUNDLE_GOLDEN`
   */
  static async open(
    bundle: Bundle,
    runtime: RuntimeName | 'auto',
    around: Surroundings,
    release?: string,
  ): Promise<LiveModel> {
    const open = await openNetwork(bundle, runtime === 'auto' ? undefined : runtime)
    return new LiveModel(bundle, open, around, release)
  }

  private constructor(
    bundle: Bundle,
    open: OpenNetwork,
    around: Surroundings,
    release: string | undefined,
  ) {
    this.bundle = bundle
    this.open = open
    this.release = release
    this.around = around
    this.#scorer = this.#newScorer()
  }

  get name(): string {
    return this.bundle.manifest.name
  }

  /** Rows for which the network gave no finite score. */
  get invalid(): number {
    return this.#scorer.invalid
  }

  get last(): Inference | undefined {
    return this.#last
  }

  get problems(): Scorer['features']['problems'] {
    return this.#scorer.features.problems
  }

  /** Why readings came and made no row; undefined where one was made, or none came. */
  get rowless(): string | undefined {
    const { counts, skippedBy } = this.#scorer.features
    if (this.rows > 0 || counts.skipped === 0) return undefined
    const most = skippedBy.indexOf(Math.max(...skippedBy))
    const { name } = this.bundle.manifest.features.inputs[most]
    return `${name} was missing in ${skippedBy[most]} of ${counts.skipped}`
  }

  /** A row may need all of the longest window. */
  get firstRowLimitMs(): number {
    const { features } = this.bundle.manifest
    const windowsMs = features.inputs.map(({ windowMs = features.windowMs }) => windowMs)
    return WARM_LIMIT_MS + Math.max(...windowsMs) + features.graceMs
  }

  /** Why there was never a row, where readings have come for longer than the first one may take. */
  get starved(): string | undefined {
    if (this.rows > 0 || this.#heardUs < this.firstRowLimitMs * 1000) return undefined
    return this.rowless ?? 'none of its signals came'
  }

  readings(batch: ReadingBatch, emit: (inference: Inference) => void): void {
    this.#hear(batch)
    const before = this.#scorer.invalid
    this.#scorer.readings(batch, (inference) => {
      this.rows++
      this.#last = inference
      emit(inference)
    })
    this.rows += this.#scorer.invalid - before
    this.#learned?.tick()
  }

  #hear({ count, timeUs }: ReadingBatch): void {
    if (count === 0) return
    const passedUs = timeUs[count - 1] - this.#newestUs
    if (passedUs > 0) this.#heardUs += Math.min(passedUs, MAX_PASSED_US)
    this.#newestUs = timeUs[count - 1]
  }

  /** Forgets windows, held values and the alarm, where it is unknown what of them is whole. */
  startAnew(): void {
    this.#scorer = this.#newScorer()
    this.#last = undefined
    this.rows = 0
    this.#heardUs = 0
  }

  /** What it has learned on this vehicle, where its kind learns. */
  get learned(): LearnedStatus | undefined {
    const { clusters } = this.#scorer
    if (!clusters) return undefined
    const { refused, failed = 0, lastFailure } = this.#learned ?? {}
    return { rows: clusters.learned, ...(refused && { refused }), failed, lastFailure }
  }

  close(): void {
    this.#learned?.close()
    this.open.network.dispose()
  }

  #newScorer(): Scorer {
    const { catalog, clock, learnedDir } = this.around
    const nowUs = () => clock.monoUs()
    const scorer = new Scorer(this.bundle, this.open, { catalog, nowUs })
    if (scorer.clusters && learnedDir !== undefined) {
      this.#learned?.close()
      this.#learned = new Learned(scorer.clusters, this.bundle.hash, learnedDir, nowUs)
    }
    return scorer
  }
}
