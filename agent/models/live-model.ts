import type { Bundle } from '../../models/bundle/load.ts'
import { type OpenNetwork, openNetwork } from '../../models/runtime/open.ts'
import type { RuntimeName } from '../../models/runtime.ts'
import { type Inference, Scorer } from '../../models/scorer.ts'
import type { ReadingBatch, SignalCatalog } from '../../sensors/reading.ts'
import type { Clock } from '../../sensors/sensor.ts'

/** What a bundle needs of the vehicle to be at work. */
export interface Surroundings {
  readonly catalog: SignalCatalog
  readonly clock: Clock
}

/** One bundle at work: its network open, and the state of its scoring. */
export class LiveModel {
  readonly bundle: Bundle
  /** The release that brought it; undefined for the config's own. */
  readonly release: string | undefined
  readonly open: OpenNetwork
  readonly around: Surroundings
  #scorer: Scorer
  #last: Inference | undefined
  /** Feature rows finished, whatever became of them. */
  rows = 0

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

  readings(batch: ReadingBatch, emit: (inference: Inference) => void): void {
    const before = this.#scorer.invalid
    this.#scorer.readings(batch, (inference) => {
      this.rows++
      this.#last = inference
      emit(inference)
    })
    this.rows += this.#scorer.invalid - before
  }

  /** Forgets windows, held values and the alarm: what was seen while another model ran is unknown. */
  startAnew(): void {
    this.#scorer = this.#newScorer()
    this.#last = undefined
    this.rows = 0
  }

  close(): void {
    this.open.network.dispose()
  }

  #newScorer(): Scorer {
    const { catalog, clock } = this.around
    return new Scorer(this.bundle, this.open, { catalog, nowUs: () => clock.monoUs() })
  }
}
