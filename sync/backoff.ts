/** Waits between tries that grow to a bound, with jitter so that a fleet does not come back as one. */
export class Backoff {
  readonly #minMs: number
  readonly #maxMs: number
  readonly #random: () => number
  #tries = 0

  constructor(minMs: number, maxMs: number, random: () => number = Math.random) {
    this.#minMs = minMs
    this.#maxMs = maxMs
    this.#random = random
  }

  /** The next wait: between half of it and all of it, doubled each time up to the bound. */
  nextMs(): number {
    const ms = Math.min(this.#maxMs, this.#minMs * 2 ** Math.min(this.#tries++, 30))
    return ms * (0.5 + this.#random() / 2)
  }

  reset(): void {
    this.#tries = 0
  }
}

/** One waiter that anybody may wake. A wake that comes before the wait is not lost. */
export class Gate {
  #woken = false
  #wake: (() => void) | undefined

  wake(): void {
    this.#woken = true
    this.#wake?.()
  }

  /** Resolves at the next wake, or after so many milliseconds. */
  async wait(ms?: number): Promise<void> {
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        const timer = ms === undefined ? undefined : setTimeout(resolve, ms)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    this.#woken = false
    this.#wake = undefined
  }
}

/** Resolves with the promise, or after so many milliseconds. */
export async function within(ms: number, promise: Promise<void> | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([promise, late])
  clearTimeout(timer)
}
