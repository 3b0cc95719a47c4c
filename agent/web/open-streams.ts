/** Streams that are open, counted for each caller; both bounds belong to the config. */
export class OpenStreams {
  readonly #max: number
  readonly #maxPerClient: number
  readonly #byClient = new Map<string, number>()
  #open = 0

  constructor(max: number, maxPerClient: number) {
    this.#max = max
    this.#maxPerClient = maxPerClient
  }

  get open(): number {
    return this.#open
  }

  /** Takes a place, and answers what gives it back; undefined where there is none. */
  enter(client: string): (() => void) | undefined {
    const own = this.#byClient.get(client) ?? 0
    if (this.#open >= this.#max || own >= this.#maxPerClient) return undefined
    this.#open++
    this.#byClient.set(client, own + 1)
    let entered = true
    return () => {
      if (!entered) return
      entered = false
      this.#open--
      const left = (this.#byClient.get(client) ?? 1) - 1
      if (left > 0) this.#byClient.set(client, left)
      else this.#byClient.delete(client)
    }
  }
}
