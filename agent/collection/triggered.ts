import type { ReadingBatch, SignalCatalog } from '../../sensors/reading.ts'
import type { CampaignConfig } from '../config/schema.ts'
import type { Campaign, Emit, Fetch } from './campaign.ts'
import { ReadingRing } from './ring.ts'
import { Snapshot } from './snapshot.ts'
import type { Trigger } from './trigger.ts'
import { jsonNumber, Watched } from './watched.ts'

/** How long past its end a capture waits for readings that do not come, by the agent's own clock. */
const SILENCE_US = 1_000_000

/** A capture that waits for its end. */
interface Pending {
  readonly triggerUs: number
  readonly cause: Record<string, unknown>
  /** Set by the first tick, moved on while readings come. */
  deadlineMonoUs: number
  /** Readings seen when the deadline was set. */
  seen: number
}

/**
 * Something happened: a condition began to hold, or a model saw an anomaly. One record tells of it:
 * with the readings of some seconds before and after where the campaign captures, else with a
 * snapshot. It may ask sensors for more at that instant; what they answer comes as readings.
 */
export class TriggeredCampaign implements Campaign {
  /** Triggers that came while a capture was still open, and are part of that one. */
  overlapped = 0
  readonly config: CampaignConfig
  readonly #watched: Watched
  readonly #trigger: Trigger | undefined
  readonly #fetch: Fetch
  readonly #ring: ReadingRing | undefined
  readonly #latest = new Snapshot()
  readonly #beforeUs: number
  readonly #afterUs: number
  #pending: Pending | undefined
  #seen = 0
  #anomalyUs = Number.NEGATIVE_INFINITY

  constructor(
    config: CampaignConfig,
    catalog: SignalCatalog,
    trigger: Trigger | undefined,
    fetch: Fetch,
  ) {
    this.config = config
    this.#trigger = trigger
    this.#fetch = fetch
    this.#watched = new Watched(catalog, config.signals)
    const { capture } = config
    this.#ring = capture && new ReadingRing(capture.maxReadings)
    this.#beforeUs = (capture?.beforeMs ?? 0) * 1000
    this.#afterUs = (capture?.afterMs ?? 0) * 1000
  }

  get watched(): number {
    return this.#watched.signals.length
  }

  observe(batch: ReadingBatch, emit: Emit): void {
    const slots = this.#watched.slots()
    this.#latest.reserve(this.#watched.signals.length)
    const trigger = this.#trigger
    const involved = trigger?.slots()
    this.#seen += batch.count
    for (let i = 0; i < batch.count; i++) {
      const t = batch.timeUs[i]
      if (this.#pending) this.#pass(t, emit)
      const slot = slots[batch.signal[i]]
      if (slot >= 0) {
        this.#latest.set(slot, batch.value[i], t)
        this.#ring?.push(slot, batch.value[i], t)
      }
      if (!trigger || !involved) continue
      const firedUs = trigger.observe(batch, i, involved)
      if (Number.isNaN(firedUs)) continue
      const values = Object.entries(trigger.values()).map(([name, v]) => [name, jsonNumber(v)])
      this.#fire(firedUs, { when: this.config.when, values: Object.fromEntries(values) }, emit)
    }
  }

  anomaly(model: string, timeUs: number, score: number, emit: Emit): void {
    if (this.config.on !== 'anomaly') return
    if (this.config.model !== undefined && this.config.model !== model) return
    const sinceUs = timeUs - this.#anomalyUs
    if (sinceUs >= 0 && sinceUs < (this.config.rearmMs ?? 0) * 1000) return
    this.#anomalyUs = timeUs
    this.#fire(timeUs, { anomaly: model, score: jsonNumber(score) }, emit)
  }

  tick(monoUs: number, emit: Emit): void {
    const pending = this.#pending
    if (!pending) return
    if (pending.seen !== this.#seen || Number.isNaN(pending.deadlineMonoUs)) {
      pending.seen = this.#seen
      pending.deadlineMonoUs = monoUs + this.#afterUs + SILENCE_US
    } else if (monoUs >= pending.deadlineMonoUs) this.#finish(pending, false, emit)
  }

  close(emit: Emit): void {
    if (this.#pending) this.#finish(this.#pending, false, emit)
  }

  #fire(triggerUs: number, cause: Record<string, unknown>, emit: Emit): void {
    for (const { sensor, what } of this.config.fetch ?? []) this.#fetch(sensor, what)
    if (!this.#ring) {
      const oldestUs = triggerUs - this.config.staleAfterMs * 1000
      const signals = this.#latest.take(this.#watched.signals, oldestUs) ?? {}
      const content = { campaign: this.config.id, timeUs: triggerUs, cause, signals }
      emit({ type: 'milepost.trigger.v1', timeUs: triggerUs, content })
    } else if (this.#pending) this.overlapped++
    else this.#pending = { triggerUs, cause, deadlineMonoUs: Number.NaN, seen: this.#seen }
  }

  /** Time has come to `t`: past the end of the capture, or back to before all of it. */
  #pass(t: number, emit: Emit): void {
    const pending = this.#pending!
    if (t > pending.triggerUs + this.#afterUs) this.#finish(pending, true, emit)
    else if (t < pending.triggerUs - this.#beforeUs - SILENCE_US) {
      this.#finish(pending, false, emit)
      this.#ring!.clear()
    }
  }

  #finish(pending: Pending, reached: boolean, emit: Emit): void {
    this.#pending = undefined
    const { triggerUs, cause } = pending
    const [fromUs, toUs] = [triggerUs - this.#beforeUs, triggerUs + this.#afterUs]
    const ring = this.#ring!
    const content = {
      campaign: this.config.id,
      timeUs: triggerUs,
      cause,
      fromUs,
      toUs,
      // False: readings stopped before the end, or there were more than `maxReadings`.
      complete: reached && ring.holdsSince(fromUs),
      signals: ring.tracks(this.#watched.signals, fromUs, toUs, triggerUs),
    }
    emit({ type: 'milepost.capture.v1', timeUs: triggerUs, content })
  }
}
