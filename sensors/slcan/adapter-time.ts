import { TIMESTAMP_WRAP_MS } from './protocol.ts'

/** How far adapter time may lag behind before it is taken as drift and set anew. */
const MAX_LAG_US = 1_000_000
const WRAP_US = TIMESTAMP_WRAP_MS * 1000

/**
 * Puts the adapter's own milliseconds, which wrap each minute, on the wall clock. The difference of
 * the clocks is taken from the frame with the shortest way: no frame can come from the future.
 */
export class AdapterTime {
  /** Wall time of the adapter's zero in its present minute; unset before the first frame. */
  #zeroUs = Number.NaN
  #lastMs = 0

  /** Wall time of a frame stamped `adapterMs` that reached us at `arrivedUs`. */
  timeUs(adapterMs: number, arrivedUs: number): number {
    if (adapterMs < this.#lastMs) this.#zeroUs += WRAP_US
    this.#lastMs = adapterMs
    const timeUs = this.#zeroUs + adapterMs * 1000
    if (timeUs <= arrivedUs && timeUs >= arrivedUs - MAX_LAG_US) return timeUs
    this.#zeroUs = arrivedUs - adapterMs * 1000
    return arrivedUs
  }
}
