import type { ReadingBatch, SignalCatalog } from '../../sensors/reading.ts'
import type { CampaignConfig } from '../config/schema.ts'
import type { Campaign, Collected } from './campaign.ts'
import { jsonNumber, Watched } from './watched.ts'

/** A snapshot every T: taken when the first reading at or past the next instant comes by. */
export class SampleCampaign implements Campaign {
  readonly config: CampaignConfig
  readonly #watched: Watched
  readonly #everyUs: number
  #value = new Float64Array(16)
  /** When each slot was last seen; 0 for never. */
  #timeUs = new Float64Array(16)
  #nextUs = 0

  constructor(config: CampaignConfig, catalog: SignalCatalog) {
    this.config = config
    this.#watched = new Watched(catalog, config.signals)
    this.#everyUs = config.sampleEveryMs! * 1000
  }

  get watched(): number {
    return this.#watched.signals.length
  }

  observe(batch: ReadingBatch, emit: (record: Collected) => void): void {
    const slots = this.#watched.slots()
    this.#reserve(this.#watched.signals.length)
    const { signal, value, timeUs } = batch
    for (let i = 0; i < batch.count; i++) {
      const t = timeUs[i]
      if (t >= this.#nextUs || t < this.#nextUs - 2 * this.#everyUs) this.#cross(t, emit)
      const slot = slots[signal[i]]
      if (slot < 0) continue
      this.#value[slot] = value[i]
      this.#timeUs[slot] = t
    }
  }

  /** Time passed the next instant, or went back: take the snapshot that is due and set the next. */
  #cross(t: number, emit: (record: Collected) => void): void {
    if (this.#nextUs > 0 && t >= this.#nextUs) this.#snapshot(this.#nextUs, emit)
    this.#nextUs = (Math.floor(t / this.#everyUs) + 1) * this.#everyUs
  }

  #snapshot(atUs: number, emit: (record: Collected) => void): void {
    const oldestUs = atUs - this.config.staleAfterMs * 1000
    const signals: Record<string, number | string> = {}
    let any = false
    for (let slot = 0; slot < this.#watched.signals.length; slot++) {
      const seenUs = this.#timeUs[slot]
      if (seenUs === 0 || seenUs < oldestUs) continue
      signals[this.#watched.signals[slot].name] = jsonNumber(this.#value[slot])
      any = true
    }
    if (!any) return
    const content = { campaign: this.config.id, timeUs: atUs, signals }
    emit({ type: 'milepost.snapshot.v1', timeUs: atUs, content })
  }

  #reserve(size: number): void {
    if (size <= this.#value.length) return
    const capacity = 2 ** Math.ceil(Math.log2(size))
    const [value, timeUs] = [new Float64Array(capacity), new Float64Array(capacity)]
    value.set(this.#value)
    timeUs.set(this.#timeUs)
    this.#value = value
    this.#timeUs = timeUs
  }
}
