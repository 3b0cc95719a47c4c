/** Lines that wait for a slow reader; what comes beyond is lost to it, and counted. */
const MAX_QUEUED_LINES = 1_000

/**
 * Between what happens on the bus and a reader that may be slow: `push` never waits. A reader who
 * could not follow is told how many lines it lost, as `{"lost": n}` in their place.
 */
export class LineQueue<T> implements AsyncIterable<T | { readonly lost: number }> {
  readonly #limit: number
  readonly #opened: () => void
  readonly #closed: () => void
  #lines: T[] = []
  #lost = 0
  #wake: (() => void) | undefined
  #ended = false

  /**
   * @param signal ends the queue
   * @param watch begins to fill it, and answers what ends that; called when somebody reads
   */
  constructor(
    signal: AbortSignal,
    watch: (queue: LineQueue<T>) => () => void,
    limit = MAX_QUEUED_LINES,
  ) {
    this.#limit = limit
    let unwatch: (() => void) | undefined
    const end = (): void => this.end()
    this.#opened = () => {
      signal.addEventListener('abort', end, { once: true })
      if (signal.aborted) this.end()
      else unwatch = watch(this)
    }
    this.#closed = () => {
      signal.removeEventListener('abort', end)
      unwatch?.()
      unwatch = undefined
    }
  }

  get lost(): number {
    return this.#lost
  }

  push(line: T): void {
    if (this.#ended) return
    if (this.#lines.length >= this.#limit) this.#lost++
    else this.#lines.push(line)
    this.#wake?.()
  }

  /** What waits is still read. */
  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T | { readonly lost: number }> {
    this.#opened()
    try {
      for (;;) {
        const lines = this.#lines
        const lost = this.#lost
        this.#lines = []
        this.#lost = 0
        yield* lines
        if (lost > 0) yield { lost }
        if (this.#lines.length > 0) continue
        if (this.#ended) return
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        this.#wake = undefined
      }
    } finally {
      this.#ended = true
      this.#closed()
    }
  }
}
