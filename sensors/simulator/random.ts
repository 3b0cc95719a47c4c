/** A repeatable source of chance: the same seed gives the same numbers (mulberry32). */
export class Random {
  #state: number

  /** Any number; streams with different names from one seed do not follow each other. */
  constructor(seed: number, stream = '') {
    let state = seed >>> 0
    for (const letter of stream) state = Math.imul(state ^ letter.charCodeAt(0), 0x01000193) >>> 0
    this.#state = state
    // The first numbers of near seeds resemble each other; these are thrown away.
    for (let i = 0; i < 8; i++) this.next()
  }

  /** From 0 to below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.next()
  }

  /** An integer from `low` to `high`, both included. */
  integer(low: number, high: number): number {
    return low + Math.floor((high - low + 1) * this.next())
  }

  /** About normal, mean 0 and deviation 1, never beyond 4.25: a sum of six uniforms. */
  normal(): number {
    let sum = -3
    for (let i = 0; i < 6; i++) sum += this.next()
    return sum * Math.SQRT2
  }
}

/** A value that wanders about zero and comes back (Ornstein-Uhlenbeck). */
export class Wander {
  value = 0
  readonly #random: Random
  readonly #deviation: number
  readonly #seconds: number

  /** `deviation` in the long run; `seconds` is how long it remembers. */
  constructor(random: Random, deviation: number, seconds: number) {
    this.#random = random
    this.#deviation = deviation
    this.#seconds = seconds
  }

  step(dt: number): number {
    const pull = dt / this.#seconds
    this.value += -this.value * pull + this.#deviation * Math.sqrt(2 * pull) * this.#random.normal()
    return this.value
  }
}

/** Moves `value` towards `target` as a first-order lag of `seconds` does in `dt`. */
export function lag(value: number, target: number, seconds: number, dt: number): number {
  return value + (target - value) * Math.min(1, dt / seconds)
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high)
}
