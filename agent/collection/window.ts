import type { ReadingBatch, SignalCatalog } from '../../sensors/reading.ts'
import type { CampaignConfig } from '../config/schema.ts'
import type { Campaign, Emit } from './campaign.ts'
import { UnitsTold } from './units.ts'
import { jsonNumber, Watched } from './watched.ts'

/** Numbers kept for each signal: count, sum, smallest, largest, last. */
const CELLS = 5
const [COUNT, SUM, MIN, MAX, LAST] = [0, 1, 2, 3, 4]

/**
 * A record for each window of time, on whole multiples since the epoch, with what each signal did in
 * it. Readings that are no finite numbers count for `last` alone.
 */
export class WindowCampaign implements Campaign {
  readonly config: CampaignConfig
  readonly #watched: Watched
  readonly #everyUs: number
  readonly #units = new UnitsTold()
  #cells = new Float64Array(16 * CELLS)
  #seen = new Uint8Array(16)
  /** Start of the open window; negative: none is open. */
  #fromUs = -1

  constructor(config: CampaignConfig, catalog: SignalCatalog) {
    this.config = config
    this.#watched = new Watched(catalog, config.signals)
    this.#everyUs = config.window!.everyMs * 1000
  }

  get watched(): number {
    return this.#watched.signals.length
  }

  observe(batch: ReadingBatch, emit: Emit): void {
    const slots = this.#watched.slots()
    this.#reserve(this.#watched.signals.length)
    const { signal, value, timeUs } = batch
    for (let i = 0; i < batch.count; i++) {
      const slot = slots[signal[i]]
      if (slot < 0) continue
      const t = timeUs[i]
      if (this.#fromUs < 0) this.#open(t)
      else if (t >= this.#fromUs + this.#everyUs) this.#turn(t, true, emit)
      // A little late is still of this window; a clock that went back begins another.
      else if (t < this.#fromUs - this.#everyUs) this.#turn(t, false, emit)
      this.#add(slot, value[i])
    }
  }

  close(emit: Emit): void {
    if (this.#fromUs >= 0) this.#emit(false, emit)
    this.#fromUs = -1
  }

  #open(t: number): void {
    this.#fromUs = Math.floor(t / this.#everyUs) * this.#everyUs
    this.#seen.fill(0)
    this.#cells.fill(0)
  }

  #turn(t: number, complete: boolean, emit: Emit): void {
    this.#emit(complete, emit)
    this.#open(t)
  }

  #add(slot: number, value: number): void {
    const cells = this.#cells
    const at = slot * CELLS
    this.#seen[slot] = 1
    cells[at + LAST] = value
    if (!Number.isFinite(value)) return
    const first = cells[at + COUNT]++ === 0
    cells[at + SUM] += value
    if (first || value < cells[at + MIN]) cells[at + MIN] = value
    if (first || value > cells[at + MAX]) cells[at + MAX] = value
  }

  #emit(complete: boolean, emit: Emit): void {
    const signals: Record<string, Record<string, number | string>> = {}
    let any = false
    for (let slot = 0; slot < this.#watched.signals.length; slot++) {
      if (!this.#seen[slot]) continue
      signals[this.#watched.signals[slot].name] = this.#summary(slot * CELLS)
      any = true
    }
    if (!any) return
    const [fromUs, timeUs] = [this.#fromUs, this.#fromUs + this.#everyUs]
    const units = this.#units.take(this.#watched.signals, signals, fromUs)
    const content = {
      campaign: this.config.id,
      fromUs,
      timeUs,
      complete,
      signals,
      ...(units && { units }),
    }
    emit({ type: 'milepost.window.v1', timeUs, content })
  }

  #summary(at: number): Record<string, number | string> {
    const cells = this.#cells
    const count = cells[at + COUNT]
    const summary: Record<string, number | string> = { count }
    for (const what of this.config.window!.of) {
      if (what === 'last') summary.last = jsonNumber(cells[at + LAST])
      else if (count === 0) continue
      else if (what === 'mean') summary.mean = jsonNumber(cells[at + SUM] / count)
      else summary[what] = cells[at + (what === 'min' ? MIN : MAX)]
    }
    return summary
  }

  #reserve(size: number): void {
    if (size <= this.#seen.length) return
    const capacity = 2 ** Math.ceil(Math.log2(size))
    const [cells, seen] = [new Float64Array(capacity * CELLS), new Uint8Array(capacity)]
    cells.set(this.#cells)
    seen.set(this.#seen)
    this.#cells = cells
    this.#seen = seen
  }
}
