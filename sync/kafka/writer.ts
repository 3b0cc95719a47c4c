/** From here on the runtime's own writing of text is faster than a loop. */
const SHORT_TEXT = 48

/** Appends to a buffer that grows, as Kafka reads it. */
export class Writer {
  buffer: Buffer
  at = 0

  constructor(bytes: number) {
    this.buffer = Buffer.allocUnsafe(bytes)
  }

  bytes(from: number): Buffer {
    return this.buffer.subarray(from, this.at)
  }

  #need(bytes: number): void {
    if (this.at + bytes <= this.buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.at + bytes))
    this.buffer.copy(larger, 0, 0, this.at)
    this.buffer = larger
  }

  int8(value: number): void {
    this.#need(1)
    this.at = this.buffer.writeInt8(value, this.at)
  }

  int16(value: number): void {
    this.#need(2)
    this.at = this.buffer.writeInt16BE(value, this.at)
  }

  int32(value: number): void {
    this.#need(4)
    this.at = this.buffer.writeInt32BE(value, this.at)
  }

  int64(value: bigint): void {
    this.#need(8)
    this.at = this.buffer.writeBigInt64BE(value, this.at)
  }

  /** Leaves room that is written later. */
  skip(bytes: number): void {
    this.#need(bytes)
    this.at += bytes
  }

  raw(bytes: Buffer): void {
    this.#need(bytes.length)
    this.at += bytes.copy(this.buffer, this.at)
  }

  string(text: string | null): void {
    this.int16(text === null ? -1 : Buffer.byteLength(text))
    if (text !== null) this.raw(Buffer.from(text))
  }

  /** Zigzag varint, of numbers exact up to 2^52. */
  varint(value: number): void {
    this.#need(10)
    const { buffer } = this
    let left = value < 0 ? -value * 2 - 1 : value * 2
    while (left >= 0x80) {
      buffer[this.at++] = (left % 0x80) | 0x80
      left = Math.floor(left / 0x80)
    }
    buffer[this.at++] = left
  }

  /** Text or bytes behind their length; null and undefined as length -1. */
  varbytes(value: string | Buffer | null | undefined): void {
    if (value == null) this.varint(-1)
    else if (typeof value === 'string') this.#text(value)
    else {
      this.varint(value.length)
      this.raw(value)
    }
  }

  #text(text: string): void {
    const { length } = text
    if (length < SHORT_TEXT) {
      const start = this.at
      this.varint(length)
      this.#need(length)
      const { buffer } = this
      let n = 0
      for (let code: number; n < length && (code = text.charCodeAt(n)) < 0x80; n++) {
        buffer[this.at + n] = code
      }
      this.at += n
      if (n === length) return
      this.at = start
    }
    const bytes = Buffer.byteLength(text)
    this.varint(bytes)
    this.#need(bytes)
    this.at += this.buffer.write(text, this.at)
  }
}
