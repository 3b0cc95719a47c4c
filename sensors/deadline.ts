import type { Clock } from './sensor.ts'
import { GRACE_MS } from './wait.ts'

/** Longest real sleep between two looks at the clock, so that a clock in a test's hands works. */
const MAX_SLEEP_MS = 50

/** Calls once the clock's monotonic time has come; the one timer of a state machine. */
export class Deadline {
  readonly #clock: Clock
  readonly #ring: () => void
  #atUs = Number.POSITIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** Sets or moves it; infinity takes it away. */
  set(atUs: number): void {
    if (atUs === this.#atUs) return
    this.#atUs = atUs
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
    this.#timer = undefined
    this.#immediate = undefined
    if (atUs < Number.POSITIVE_INFINITY) this.#wait()
  }

  #wait(): void {
    const restMs = (this.#atUs - this.#clock.monoUs()) / 1000
    if (restMs > 0) {
      this.#timer = setTimeout(() => this.#wait(), Math.min(Math.max(restMs, 1), MAX_SLEEP_MS))
      return
    }
    // A process that stood still must not take its own sleep for the other end's silence: frames that are
    // already here are read first, and in this process somebody may just be about to answer.
    if (restMs < -GRACE_MS) {
      this.#timer = setTimeout(() => this.#now(), GRACE_MS)
      return
    }
    this.#immediate = setImmediate(() => this.#now())
  }

  #now(): void {
    this.#atUs = Number.POSITIVE_INFINITY
    this.#ring()
  }
}
