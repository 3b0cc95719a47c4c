/** Bytes in, in chunks; out in any other sizes. What is in it is bounded by whoever fills it. */
export class ByteQueue {
  length = 0
  #chunks: Buffer[] = []

  /** Keeps the chunk itself, not a copy. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    this.#chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))
    this.length += chunk.length
  }

  /** The first `count` bytes, which stay; fewer where there are fewer. */
  peek(count: number): Buffer {
    const [first] = this.#chunks
    if (first === undefined) return Buffer.alloc(0)
    if (first.length >= count) return first.subarray(0, count)
    this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0].subarray(0, count)
  }

  take(count: number): Buffer {
    const bytes = this.peek(count)
    this.drop(bytes.length)
    return bytes
  }

  /** Passes over `count` bytes, or as many as there are; returns how many. */
  drop(count: number): number {
    let left = Math.min(count, this.length)
    const dropped = left
    this.length -= left
    while (left > 0) {
      const first = this.#chunks[0]
      if (first.length <= left) this.#chunks.shift()
      else this.#chunks[0] = first.subarray(left)
      left -= Math.min(left, first.length)
    }
    return dropped
  }
}
