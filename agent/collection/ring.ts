import type { Signal } from '../../sensors/reading.ts'
import { jsonNumber } from './watched.ts'

/** One signal's readings in a capture: times as microseconds after the trigger, negative before it. */
export interface Track {
  readonly unit: string
  readonly offsetsUs: number[]
  readonly values: (number | string)[]
}

/** The last so many readings, in flat arrays that are made once. */
export class ReadingRing {
  readonly #slot: Uint32Array
  readonly #value: Float64Array
  readonly #timeUs: Float64Array
  #next = 0
  #count = 0
  /** Time of the newest reading that was overwritten. */
  #overwrittenUs = Number.NEGATIVE_INFINITY

  constructor(capacity: number) {
    this.#slot = new Uint32Array(capacity)
    this.#value = new Float64Array(capacity)
    this.#timeUs = new Float64Array(capacity)
  }

  push(slot: number, value: number, timeUs: number): void {
    const i = this.#next
    if (this.#count === this.#slot.length) this.#overwrittenUs = this.#timeUs[i]
    else this.#count++
    this.#slot[i] = slot
    this.#value[i] = value
    this.#timeUs[i] = timeUs
    this.#next = i + 1 === this.#slot.length ? 0 : i + 1
  }

  /** Whether nothing since `fromUs` had to make room. */
  holdsSince(fromUs: number): boolean {
    return this.#overwrittenUs < fromUs
  }

  /** The readings from `fromUs` to `toUs`, by signal, in the order in which they came. */
  tracks(
    signals: readonly Signal[],
    fromUs: number,
    toUs: number,
    zeroUs: number,
  ): Record<string, Track> {
    const tracks: Record<string, Track> = {}
    const size = this.#slot.length
    const oldest = (this.#next - this.#count + size) % size
    for (let k = 0; k < this.#count; k++) {
      const i = (oldest + k) % size
      const t = this.#timeUs[i]
      if (t < fromUs || t > toUs) continue
      const { name, unit } = signals[this.#slot[i]]
      const track = (tracks[name] ??= { unit, offsetsUs: [], values: [] })
      track.offsetsUs.push(t - zeroUs)
      track.values.push(jsonNumber(this.#value[i]))
    }
    return tracks
  }

  clear(): void {
    this.#next = 0
    this.#count = 0
    this.#overwrittenUs = Number.NEGATIVE_INFINITY
  }
}
