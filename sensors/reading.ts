/** What is known of one signal; its index in the catalog stands for it on the hot path. */
export interface Signal {
  readonly index: number
  /** `Message.Signal` as in the DBC file, or what the `names` map calls it (`Vehicle.Speed`). */
  readonly name: string
  /** Unit as written at the source (`km/h`), empty where there is none. */
  readonly unit: string
}

/**
 * Names that one process keeps. The largest DBC files have some ten thousand signals; beyond that it
 * is a source that makes up names, which would fill the memory.
 */
export const MAX_SIGNALS = 65_536

/** What the catalog gives for a name it has no room for: readings of it go into no batch. */
export const REFUSED: Signal = { index: 0xffff_ffff, name: '', unit: '' }

/** Gives each signal name one small number for the life of the process. */
export class SignalCatalog {
  /** How often a name was refused because the catalog is full. */
  refused = 0
  readonly #byName = new Map<string, Signal>()
  readonly #signals: Signal[] = []

  /**
   * Returns the signal of this name, adding it at first sight. The first unit given stays. A new name
   * beyond `MAX_SIGNALS` is counted and becomes `REFUSED`.
   */
  intern(name: string, unit = ''): Signal {
    let signal = this.#byName.get(name)
    if (!signal) {
      if (this.#signals.length >= MAX_SIGNALS) {
        this.refused++
        return REFUSED
      }
      signal = { index: this.#signals.length, name, unit }
      this.#byName.set(name, signal)
      this.#signals.push(signal)
    }
    return signal
  }

  find(name: string): Signal | undefined {
    return this.#byName.get(name)
  }

  at(index: number): Signal {
    return index === REFUSED.index ? REFUSED : this.#signals[index]
  }

  get size(): number {
    return this.#signals.length
  }

  all(): readonly Signal[] {
    return this.#signals
  }
}

/**
 * Decoded values in flat arrays. Reused like a `FrameBatch`: copy what must outlive the call.
 * NaN never stands for "missing": a reading that is not there is not in the batch.
 */
export class ReadingBatch {
  count = 0
  readonly capacity: number
  /** Index into the `SignalCatalog`. */
  readonly signal: Uint32Array
  /** Scaled value in the signal's unit. */
  readonly value: Float64Array
  /** Microseconds since the epoch. */
  readonly timeUs: Float64Array

  constructor(capacity = 4096) {
    this.capacity = capacity
    this.signal = new Uint32Array(capacity)
    this.value = new Float64Array(capacity)
    this.timeUs = new Float64Array(capacity)
  }

  /** Appends one reading, if its signal is not refused; the caller has made sure that there is room. */
  push(signal: number, value: number, timeUs: number): void {
    if (signal === REFUSED.index) return
    const i = this.count++
    this.signal[i] = signal
    this.value[i] = value
    this.timeUs[i] = timeUs
  }
}
