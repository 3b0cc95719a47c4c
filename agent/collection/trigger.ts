import type { ReadingBatch, SignalCatalog } from '../../sensors/reading.ts'
import type { Condition } from './condition.ts'
import { Watched } from './watched.ts'

export interface TriggerTiming {
  /** How long the condition has to hold. */
  readonly forUs: number
  /** How long after one trigger the next may come. */
  readonly rearmUs: number
  /** A signal not seen for so long is not known: the condition is not evaluated. */
  readonly staleAfterUs: number
}

/**
 * Tells when a condition begins to hold. Conditions are evaluated when one of their signals has
 * changed, and at no other time; that a condition has held for long enough is told by the time of any
 * reading. Once it has triggered it rests until `until` holds, or, without one, until the condition
 * does not.
 */
export class Trigger {
  /** Evaluations so far. */
  evaluated = 0
  /** Evaluations that failed, taken for false. */
  failed = 0
  readonly #when: Condition
  readonly #until: Condition | undefined
  readonly #timing: TriggerTiming
  readonly #watched: Watched
  /** Names of both conditions, each once; values stand in this order. */
  readonly #names: readonly string[]
  readonly #values: Float64Array
  readonly #seenUs: Float64Array
  readonly #whenValues: Float64Array
  readonly #untilValues: Float64Array
  readonly #whenFrom: Int32Array
  readonly #untilFrom: Int32Array
  /** Place in `#names` of each slot. */
  #places: number[] = []
  #state: 'armed' | 'holding' | 'resting' = 'armed'
  #sinceUs = 0
  #firedUs = Number.NEGATIVE_INFINITY

  constructor(
    when: Condition,
    until: Condition | undefined,
    timing: TriggerTiming,
    catalog: SignalCatalog,
  ) {
    this.#when = when
    this.#until = until
    this.#timing = timing
    this.#names = [...new Set([...when.names, ...(until?.names ?? [])])]
    const own = new Set(this.#names)
    this.#watched = new Watched(catalog, (name) => own.has(name))
    this.#values = new Float64Array(this.#names.length)
    this.#seenUs = new Float64Array(this.#names.length)
    this.#whenValues = new Float64Array(when.names.length)
    this.#untilValues = new Float64Array(until?.names.length ?? 0)
    this.#whenFrom = Int32Array.from(when.names, (name) => this.#names.indexOf(name))
    this.#untilFrom = Int32Array.from(until?.names ?? [], (name) => this.#names.indexOf(name))
  }

  /** Slots of the signals it looks at, to be asked for once a batch. */
  slots(): Int32Array {
    const slots = this.#watched.slots()
    const { signals } = this.#watched
    while (this.#places.length < signals.length) {
      this.#places.push(this.#names.indexOf(signals[this.#places.length].name))
    }
    return slots
  }

  /** Takes reading `i` of the batch; returns when it triggered, in microseconds, or NaN. */
  observe(batch: ReadingBatch, i: number, slots: Int32Array): number {
    const t = batch.timeUs[i]
    const slot = slots[batch.signal[i]]
    let firedUs = Number.NaN
    // What was due before this reading comes before what this reading changes.
    if (this.#state === 'holding') firedUs = this.#due(t)
    if (slot >= 0) {
      const place = this.#places[slot]
      const changed = this.#seenUs[place] === 0 || !Object.is(this.#values[place], batch.value[i])
      this.#values[place] = batch.value[i]
      this.#seenUs[place] = t
      if (changed) {
        this.#evaluate(t)
        if (this.#state === 'holding' && Number.isNaN(firedUs)) firedUs = this.#due(t)
      }
    }
    return firedUs
  }

  /** Values of the signals of the condition, as they are now. */
  values(): Record<string, number> {
    return Object.fromEntries(this.#names.map((name, i) => [name, this.#values[i]]))
  }

  #evaluate(t: number): void {
    if (!this.#known(t)) return
    if (this.#state === 'resting') {
      const over = this.#until
        ? this.#holds(this.#until, this.#untilValues, this.#untilFrom)
        : !this.#holds(this.#when, this.#whenValues, this.#whenFrom)
      if (!over) return
      this.#state = 'armed'
    }
    const holds = this.#holds(this.#when, this.#whenValues, this.#whenFrom)
    if (!holds) this.#state = 'armed'
    else if (this.#state === 'armed') {
      this.#state = 'holding'
      this.#sinceUs = t
    }
  }

  /** Every signal has been seen, and not too long ago. */
  #known(t: number): boolean {
    for (let i = 0; i < this.#seenUs.length; i++) {
      if (this.#seenUs[i] === 0 || t - this.#seenUs[i] > this.#timing.staleAfterUs) return false
    }
    return true
  }

  #holds(condition: Condition, values: Float64Array, from: Int32Array): boolean {
    for (let i = 0; i < from.length; i++) values[i] = this.#values[from[i]]
    this.evaluated++
    try {
      return condition.evaluate(values)
    } catch {
      this.failed++
      return false
    }
  }

  #due(t: number): number {
    // A clock that went back must not keep it waiting.
    if (t < this.#sinceUs) this.#sinceUs = t
    if (t < this.#firedUs) this.#firedUs = Number.NEGATIVE_INFINITY
    const { forUs, rearmUs } = this.#timing
    const dueUs = Math.max(this.#sinceUs + forUs, this.#firedUs + rearmUs)
    if (t < dueUs) return Number.NaN
    this.#state = 'resting'
    this.#firedUs = dueUs
    return dueUs
  }
}
