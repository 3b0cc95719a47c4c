import type { ReadingBatch, SignalCatalog } from '../../sensors/reading.ts'
import type { CampaignConfig } from '../config/schema.ts'
import type { Campaign, Collected } from './campaign.ts'
import { jsonNumber, Watched } from './watched.ts'

interface Sent {
  value: number
  timeUs: number
}

/** A record for each change of a watched signal by more than the dead-band. */
export class ChangeCampaign implements Campaign {
  readonly config: CampaignConfig
  readonly #watched: Watched
  /** What was last told of each slot. */
  readonly #sent: Sent[] = []

  constructor(config: CampaignConfig, catalog: SignalCatalog) {
    this.config = config
    this.#watched = new Watched(catalog, config.signals)
  }

  get watched(): number {
    return this.#watched.signals.length
  }

  observe(batch: ReadingBatch, emit: (record: Collected) => void): void {
    const slots = this.#watched.slots()
    for (let i = 0; i < batch.count; i++) {
      const slot = slots[batch.signal[i]]
      if (slot < 0) continue
      const value = batch.value[i]
      const timeUs = batch.timeUs[i]
      const sent = this.#sent[slot]
      if (sent && !this.#tells(sent, value, timeUs)) continue
      const content = {
        campaign: this.config.id,
        timeUs,
        signal: this.#watched.signals[slot].name,
        unit: this.#watched.signals[slot].unit,
        value: jsonNumber(value),
        ...(sent ? { was: jsonNumber(sent.value) } : {}),
      }
      this.#sent[slot] = { value, timeUs }
      emit({ type: 'milepost.change.v1', timeUs, content })
    }
  }

  #tells(sent: Sent, value: number, timeUs: number): boolean {
    const { deadband, minIntervalMs } = this.config.onChange!
    if (Object.is(value, sent.value) || Math.abs(value - sent.value) <= deadband) return false
    const elapsedUs = timeUs - sent.timeUs
    // A clock that went back must not silence a signal until it has caught up.
    return elapsedUs < 0 || elapsedUs >= minIntervalMs * 1000
  }
}
