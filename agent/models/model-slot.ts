import type { Bundle } from '../../models/bundle/load.ts'
import type { RuntimeName } from '../../models/runtime.ts'
import type { Inference } from '../../models/scorer.ts'
import type { Slot } from '../../models/trial/slot.ts'
import type { Trial } from '../../models/trial/trial.ts'
import type { ReadingBatch } from '../../sensors/reading.ts'
import { AgentError } from '../error.ts'
import type { ReadingObserver } from '../pipeline.ts'
import { type LearnedStatus, LiveModel } from './live-model.ts'

/** What `status` says of one model. */
export interface ModelStatus {
  readonly name: string
  /** Where its bundles are kept; releases name it. */
  readonly slot: string
  /** Hash of the bundle. */
  readonly hash: string
  /** The release that brought the bundle; not there for the config's own. */
  readonly release?: string
  readonly runtime: string
  readonly threshold: number
  /** Inferences, rows without a finite score and events begun since the start, over all bundles. */
  readonly inferences: number
  readonly invalid: number
  readonly anomalies: number
  readonly active: boolean
  readonly lastScore: number | undefined
  /** Signals that were there in a unit which the model cannot take. */
  readonly problems: readonly string[]
  /** Why there was never a row, where readings have come for longer than the first one may take. */
  readonly starved?: string
  /** What it has learned on this vehicle, where its kind learns. */
  readonly learned?: LearnedStatus
  /** Set while the bundle must still prove itself: what it has shown. */
  readonly trial?: { readonly rows: number; readonly ms: number }
}

/** What a slot tells of its model's work. */
export interface SlotEvents {
  inference(model: string, inference: Inference): void
  /** An event ends because its model was replaced. */
  replaced(model: string, last: Inference): void
}

/**
 * The place of one model in the agent. Bundles come and go in it between two batches of readings: a new
 * one reads along until it has made its first row, then takes over, so no row is missing or made twice.
 * What ran before reads along as long as its successor is on trial: where it runs again, its windows, held
 * values, alarm and what it learns are those of a model that was never replaced. That costs a trial the
 * memory and time of a second model, no more.
 */
export class ModelSlot implements ReadingObserver {
  /** Name in the config. */
  readonly slot: string
  /** What the config says that its networks shall run on. */
  readonly runtime: RuntimeName | 'auto'
  /** What the disk knows of it; undefined where the config asks for no updates. */
  readonly store: Slot | undefined
  readonly #events: SlotEvents
  #live: LiveModel
  #next: { model: LiveModel; takeOver: () => void; drop: () => void } | undefined
  /** What ran before, kept open and reading along while its successor is on trial. */
  #before: LiveModel | undefined
  #trial: Trial | undefined
  #onTrouble: () => void = () => {}
  #inferences = 0
  #invalid = 0
  #anomalies = 0

  constructor(
    config: { slot: string; runtime: RuntimeName | 'auto' },
    live: LiveModel,
    store: Slot | undefined,
    events: SlotEvents,
  ) {
    this.slot = config.slot
    this.runtime = config.runtime
    this.store = store
    this.#live = live
    this.#events = events
  }

  get name(): string {
    return `model ${this.#live.name}`
  }

  get live(): LiveModel {
    return this.#live
  }

  get trial(): Trial | undefined {
    return this.#trial
  }

  observe(batch: ReadingBatch): void {
    const next = this.#next
    try {
      next?.model.readings(batch, () => {})
    } catch {
      // It takes over, throws there, and its trial says so.
      next?.takeOver()
    }
    this.#readBefore(batch)
    this.#score(batch)
    if (next && next.model.rows > 0) next.takeOver()
  }

  /**
   * Opens a bundle beside the one at work, golden rows checked.
   * @throws ModelError as `openNetwork`
   */
  openBeside(bundle: Bundle, release: string | undefined): Promise<LiveModel> {
    return LiveModel.open(bundle, this.runtime, this.#live.around, release)
  }

  /**
   * Takes an opened bundle in on trial. Resolves with true once it has taken over, which is at the end
   * of the batch with its first row; where no readings come, after some time (`firstRowLimitMs`). With false
   * where it was taken out again before. Rejects with `NO_ROWS`, the model closed, where readings came
   * for that time and gave no row: what ran before goes on.
   * @param onTrouble called when the model has thrown: the trial knows of it already
   */
  async swapIn(model: LiveModel, trial: Trial, onTrouble: () => void): Promise<boolean> {
    if (this.#next || this.#trial) throw new Error(`${this.slot} has a bundle on trial already`)
    let timer: NodeJS.Timeout | undefined
    const tookOver = await new Promise<boolean>((resolve, reject) => {
      const takeOver = (): void => {
        if (this.#next?.model !== model) return
        this.#next = undefined
        this.#endEvent()
        this.#before = this.#live
        this.#live = model
        this.#trial = trial
        this.#onTrouble = onTrouble
        this.#beginEvent()
        resolve(true)
      }
      const drop = (): void => {
        this.#next = undefined
        model.close()
        resolve(false)
      }
      this.#next = { model, takeOver, drop }
      const limitMs = model.firstRowLimitMs
      timer = setTimeout(() => {
        const reason = model.rowless
        if (reason === undefined) return takeOver()
        const message = `no row in ${Math.round(limitMs / 1000)} s: ${reason}`
        reject(
          new AgentError('NO_ROWS', message, {
            hint: 'Does the vehicle have this signal, and in this unit? `milepost signals` shows what it says.',
          }),
        )
        drop()
      }, limitMs)
    }).finally(() => clearTimeout(timer))
    return tookOver
  }

  /** The trial went well: what ran before is let go. */
  settle(): void {
    this.#trial = undefined
    this.#before?.close()
    this.#before = undefined
  }

  /** The trial went badly: what ran before runs again, at once and without a gap. */
  goBack(): void {
    this.#next?.drop()
    this.#trial = undefined
    if (!this.#before) return
    this.#endEvent()
    this.#live.close()
    this.#live = this.#before
    this.#before = undefined
    this.#beginEvent()
  }

  status(): ModelStatus {
    const { name, bundle, open, release, last, problems, starved, learned } = this.#live
    return {
      name,
      slot: this.slot,
      hash: bundle.hash,
      ...(release === undefined ? {} : { release }),
      runtime: open.runtime,
      threshold: bundle.manifest.threshold.value,
      inferences: this.#inferences,
      invalid: this.#invalid,
      anomalies: this.#anomalies,
      active: last?.anomaly ?? false,
      lastScore: last?.score,
      ...(learned && { learned }),
      problems: problems.map(
        ({ signal, unit, wanted }) => `${signal} is in ${unit || 'no unit'}, not ${wanted}`,
      ),
      ...(starved === undefined ? {} : { starved }),
      ...(this.#trial ? { trial: this.#trial.shown } : {}),
    }
  }

  close(): void {
    this.#next?.drop()
    this.#live.close()
    this.#before?.close()
  }

  /** Before the one on trial, which may throw and be taken back in the midst of this batch. */
  #readBefore(batch: ReadingBatch): void {
    try {
      this.#before?.readings(batch, () => {})
    } catch {
      // A batch that it read in part; where it runs again and throws, the agent hears of it.
      this.#before?.startAnew()
    }
  }

  #score(batch: ReadingBatch): void {
    const live = this.#live
    const trial = this.#trial
    const invalid = live.invalid
    try {
      live.readings(batch, (inference) => {
        trial?.scored(inference.latencyUs)
        this.#inferences++
        if (inference.event === 'begin') this.#anomalies++
        this.#events.inference(live.name, inference)
      })
    } catch (error) {
      trial?.threw(error)
      if (trial) this.#onTrouble()
      throw error
    } finally {
      const more = live.invalid - invalid
      this.#invalid += more
      if (more > 0) trial?.invalid(more)
    }
  }

  /** An event that began while the model only read along is told when it comes: its end will be, too. */
  #beginEvent(): void {
    const { name, last } = this.#live
    if (!last?.anomaly) return
    this.#anomalies++
    this.#events.inference(name, { ...last, event: 'begin' })
  }

  /** An event of a model that goes is over: nobody would ever end it. */
  #endEvent(): void {
    const { name, last } = this.#live
    if (last?.anomaly) this.#events.replaced(name, last)
  }
}
