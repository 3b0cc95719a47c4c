/** One that is used, and the next one on its way. */
const BUFFERS = 2

/**
 * Buffers for answers of brokers, used again and again. An answer of its own outlives the young
 * generation while its records are used, and then waits for a full collection: how many wait at once
 * depends on how many came. A copy lets the answer itself die young.
 */
export class AnswerBuffers {
  readonly #free: Buffer[] = Array.from({ length: BUFFERS }, () => Buffer.alloc(0))

  /** A copy of an answer, until it is given back; undefined where all buffers are in use. */
  copyOf(answer: Buffer): Buffer | undefined {
    let buffer = this.#free.pop()
    if (!buffer) return undefined
    if (buffer.buffer.byteLength < answer.length) buffer = Buffer.allocUnsafeSlow(answer.length)
    const copy = Buffer.from(buffer.buffer, 0, answer.length)
    answer.copy(copy)
    return copy
  }

  giveBack(copy: Buffer | undefined): void {
    if (copy) this.#free.push(copy)
  }
}
