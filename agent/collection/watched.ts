import type { Signal, SignalCatalog } from '../../sensors/reading.ts'
import { nameMatcher } from './match.ts'

/**
 * The signals of the catalog that a campaign asks for, each with a slot of its own. Looks again
 * whenever the catalog has grown, for signals may turn up while the agent runs.
 */
export class Watched {
  readonly signals: Signal[] = []
  #slots = new Int32Array(256).fill(-1)
  #known = 0
  readonly #catalog: SignalCatalog
  readonly #matches: (name: string) => boolean

  /** `wanted` are patterns, in which `*` stands for any run of characters, or a test of names. */
  constructor(catalog: SignalCatalog, wanted: readonly string[] | ((name: string) => boolean)) {
    this.#catalog = catalog
    this.#matches = typeof wanted === 'function' ? wanted : nameMatcher(wanted)
  }

  /** Slot of each signal index, -1 for those not asked for. */
  slots(): Int32Array {
    if (this.#known === this.#catalog.size) return this.#slots
    if (this.#catalog.size > this.#slots.length) {
      const grown = new Int32Array(2 ** Math.ceil(Math.log2(this.#catalog.size))).fill(-1)
      grown.set(this.#slots)
      this.#slots = grown
    }
    for (; this.#known < this.#catalog.size; this.#known++) {
      const signal = this.#catalog.at(this.#known)
      if (!this.#matches(signal.name)) continue
      this.#slots[signal.index] = this.signals.length
      this.signals.push(signal)
    }
    return this.#slots
  }
}

/** JSON has no NaN and no infinities: they travel as strings. */
export function jsonNumber(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}
