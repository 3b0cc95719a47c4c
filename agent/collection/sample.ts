import type { ReadingBatch, SignalCatalog } from '../../sensors/reading.ts'
import type { CampaignConfig } from '../config/schema.ts'
import type { Campaign, Emit } from './campaign.ts'
import { Snapshot } from './snapshot.ts'
import { UnitsTold } from './units.ts'
import { Watched } from './watched.ts'

/** A snapshot every T: taken when the first reading at or past the next instant comes by. */
export class SampleCampaign implements Campaign {
  readonly config: CampaignConfig
  readonly #watched: Watched
  readonly #everyUs: number
  readonly #latest = new Snapshot()
  readonly #units = new UnitsTold()
  #nextUs = 0

  constructor(config: CampaignConfig, catalog: SignalCatalog) {
    this.config = config
    this.#watched = new Watched(catalog, config.signals)
    this.#everyUs = config.sampleEveryMs! * 1000
  }

  get watched(): number {
    return this.#watched.signals.length
  }

  observe(batch: ReadingBatch, emit: Emit): void {
    const slots = this.#watched.slots()
    this.#latest.reserve(this.#watched.signals.length)
    const { signal, value, timeUs } = batch
    for (let i = 0; i < batch.count; i++) {
      const t = timeUs[i]
      if (t >= this.#nextUs || t < this.#nextUs - 2 * this.#everyUs) this.#cross(t, emit)
      const slot = slots[signal[i]]
      if (slot >= 0) this.#latest.set(slot, value[i], t)
    }
  }

  /** Time passed the next instant, or went back: take the snapshot that is due and set the next. */
  #cross(t: number, emit: Emit): void {
    if (this.#nextUs > 0 && t >= this.#nextUs) this.#snapshot(this.#nextUs, emit)
    this.#nextUs = (Math.floor(t / this.#everyUs) + 1) * this.#everyUs
  }

  #snapshot(atUs: number, emit: Emit): void {
    const oldestUs = atUs - this.config.staleAfterMs * 1000
    const signals = this.#latest.take(this.#watched.signals, oldestUs)
    if (!signals) return
    const units = this.#units.take(this.#watched.signals, signals, atUs)
    const content = { campaign: this.config.id, timeUs: atUs, signals, ...(units && { units }) }
    emit({ type: 'milepost.snapshot.v1', timeUs: atUs, content })
  }
}
