import type { Signal } from '../../sensors/reading.ts'
import { jsonNumber } from './watched.ts'

/** The latest reading of each watched signal, by its slot. */
export class Snapshot {
  #value = new Float64Array(16)
  /** When each slot was last seen; 0 for never. */
  #timeUs = new Float64Array(16)

  /** Makes room for slots up to `size`. */
  reserve(size: number): void {
    if (size <= this.#value.length) return
    const capacity = 2 ** Math.ceil(Math.log2(size))
    const [value, timeUs] = [new Float64Array(capacity), new Float64Array(capacity)]
    value.set(this.#value)
    timeUs.set(this.#timeUs)
    this.#value = value
    this.#timeUs = timeUs
  }

  set(slot: number, value: number, timeUs: number): void {
    this.#value[slot] = value
    this.#timeUs[slot] = timeUs
  }

  /** All signals seen since `oldestUs`, ready for JSON; undefined where there is none. */
  take(signals: readonly Signal[], oldestUs: number): Record<string, number | string> | undefined {
    const taken: Record<string, number | string> = {}
    let any = false
    for (let slot = 0; slot < signals.length; slot++) {
      const seenUs = this.#timeUs[slot]
      if (seenUs === 0 || seenUs < oldestUs) continue
      taken[signals[slot].name] = jsonNumber(this.#value[slot])
      any = true
    }
    return any ? taken : undefined
  }
}
