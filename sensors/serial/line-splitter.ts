const CR = 13
const LF = 10

/**
 * Cuts a stream of bytes into lines that end with CR, LF or both. What came in before the first end of
 * a line is left out: it may be the tail of a line, and `7.5` of `37.5` would pass for a value.
 */
export class LineSplitter {
  /** Lines longer than the bound; each was left out whole. */
  tooLong = 0
  readonly #line: Buffer
  readonly #take: (line: Buffer) => void
  #length = 0
  /** Until the next end of a line: bytes that belong to no whole line, or to one that is too long. */
  #skipping: boolean

  /**
   * @param maxLineBytes longest line without its end
   * @param take gets each line that is not empty; the buffer is used again after the call
   * @param options.whole the stream is known to begin with a whole line
   */
  constructor(
    maxLineBytes: number,
    take: (line: Buffer) => void,
    options: { whole?: boolean } = {},
  ) {
    this.#line = Buffer.alloc(maxLineBytes)
    this.#take = take
    this.#skipping = !options.whole
  }

  feed(chunk: Uint8Array): void {
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]
      if (byte === LF || byte === CR) this.#end()
      else if (this.#skipping) continue
      else if (this.#length < this.#line.length) this.#line[this.#length++] = byte
      else {
        this.tooLong++
        this.#skipping = true
      }
    }
  }

  #end(): void {
    const length = this.#length
    const whole = !this.#skipping
    this.#length = 0
    this.#skipping = false
    if (whole && length > 0) this.#take(this.#line.subarray(0, length))
  }
}
