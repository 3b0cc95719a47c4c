/** Reads a buffer from front to back, as Kafka writes it; throws a RangeError past its end. */
export class Reader {
  readonly buffer: Buffer
  at: number

  constructor(buffer: Buffer, at = 0) {
    this.buffer = buffer
    this.at = at
  }

  get left(): number {
    return this.buffer.length - this.at
  }

  int16(): number {
    this.at += 2
    return this.buffer.readInt16BE(this.at - 2)
  }

  int32(): number {
    this.at += 4
    return this.buffer.readInt32BE(this.at - 4)
  }

  int64(): bigint {
    this.at += 8
    return this.buffer.readBigInt64BE(this.at - 8)
  }

  string(): string {
    return this.bytes(this.int16()).toString('utf8')
  }

  /** A view, not a copy. */
  bytes(length: number): Buffer {
    if (length < 0 || length > this.left) throw new RangeError('A field ends past its response')
    this.at += length
    return this.buffer.subarray(this.at - length, this.at)
  }

  /** Zigzag varint of at most 32 bits (Protocol Buffers' encoding). */
  varint(): number {
    const { buffer } = this
    let result = 0
    let shift = 0
    for (;;) {
      const byte = buffer[this.at++]
      if (byte === undefined || shift > 28) throw new RangeError('A varint does not end')
      result |= (byte & 0x7f) << shift
      if (byte < 0x80) return (result >>> 1) ^ -(result & 1)
      shift += 7
    }
  }

  /** Zigzag varint of up to 64 bits, exact up to 2^53. */
  varlong(): number {
    const { buffer } = this
    let result = 0
    let factor = 1
    for (let count = 0; count < 10; count++) {
      const byte = buffer[this.at++]
      if (byte === undefined) break
      result += (byte & 0x7f) * factor
      if (byte < 0x80) return result % 2 === 0 ? result / 2 : -(result + 1) / 2
      factor *= 128
    }
    throw new RangeError('A varlong does not end')
  }

  /** Bytes behind a varint length; -1 stands for null. */
  varbytes(): Buffer | null {
    const length = this.varint()
    return length < 0 ? null : this.bytes(length)
  }
}
