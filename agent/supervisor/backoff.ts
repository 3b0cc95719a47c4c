/** Waits between attempts: doubling from `firstMs` to `maxMs`, each drawn from its upper half. */
export class Backoff {
  readonly #firstMs: number
  readonly #maxMs: number
  readonly #random: () => number
  #attempt = 0

  constructor(firstMs: number, maxMs: number, random: () => number = Math.random) {
    this.#firstMs = firstMs
    this.#maxMs = maxMs
    this.#random = random
  }

  nextMs(): number {
    const ceiling = Math.min(this.#maxMs, this.#firstMs * 2 ** Math.min(this.#attempt++, 30))
    return Math.round(ceiling * (0.5 + this.#random() / 2))
  }

  reset(): void {
    this.#attempt = 0
  }
}
