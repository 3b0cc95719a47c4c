import { hexValue } from '../hex.ts'

const SPACE = 32
const DOT = 46
const ZERO = 48
/** Fields of a line that are looked at; a CAN FD frame in ASC has fewer than 90. */
const MAX_FIELDS = 128

/** A line cut into fields, without a string or object made of any. Missing fields read as -1. */
export class Fields {
  count = 0
  #bytes: Uint8Array = new Uint8Array(0)
  readonly #start = new Uint32Array(MAX_FIELDS)
  readonly #end = new Uint32Array(MAX_FIELDS)

  /** Cuts at blanks, any number of them. */
  split(bytes: Uint8Array, from: number, to: number): void {
    this.#bytes = bytes
    this.count = 0
    let at = from
    while (at < to && this.count < MAX_FIELDS) {
      while (at < to && bytes[at] <= SPACE) at++
      if (at === to) break
      const start = at
      while (at < to && bytes[at] > SPACE) at++
      this.#add(start, at)
    }
  }

  /** Cuts at each separator; blanks around a field are not part of it. */
  splitAt(separator: number, bytes: Uint8Array, from: number, to: number): void {
    this.#bytes = bytes
    this.count = 0
    let at = from
    while (at <= to && this.count < MAX_FIELDS) {
      let start = at
      while (at < to && bytes[at] !== separator) at++
      let end = at++
      while (start < end && bytes[start] <= SPACE) start++
      while (end > start && bytes[end - 1] <= SPACE) end--
      this.#add(start, end)
    }
  }

  #add(start: number, end: number): void {
    this.#start[this.count] = start
    this.#end[this.count++] = end
  }

  /** Bytes of field `i`, 0 where there is none. */
  length(i: number): number {
    return i < this.count ? this.#end[i] - this.#start[i] : 0
  }

  /** Byte `k` of field `i`, in lower case where it is a letter; negative `k` from the end; or -1. */
  byte(i: number, k = 0): number {
    const length = this.length(i)
    const at = k < 0 ? length + k : k
    if (at < 0 || at >= length) return -1
    const byte = this.#bytes[this.#start[i] + at]
    return byte >= 65 && byte <= 90 ? byte + 32 : byte
  }

  /** Whether field `i` is this word, which is given in lower case. */
  is(i: number, word: string): boolean {
    return this.length(i) === word.length && this.startsWith(i, word)
  }

  startsWith(i: number, word: string): boolean {
    for (let k = 0; k < word.length; k++) if (this.byte(i, k) !== word.charCodeAt(k)) return false
    return true
  }

  /** Text of field `i`: for headers, not for every line. */
  text(i: number): string {
    if (i >= this.count) return ''
    return Buffer.from(this.#bytes.subarray(this.#start[i], this.#end[i])).toString('latin1')
  }

  /** Field `i` as a whole number of base 10 or 16, or -1. A leading `0x` means 16. */
  number(i: number, base: 10 | 16): number {
    const length = this.length(i)
    const hex = this.byte(i, 0) === ZERO && this.byte(i, 1) === 120
    return this.digits(i, hex ? 2 : 0, length, hex ? 16 : base)
  }

  /** Bytes `from` to before `to` of field `i` as a number, or -1. Eight hex digits are the most. */
  digits(i: number, from: number, to: number, base: 10 | 16): number {
    if (i >= this.count || to <= from || to - from > 15) return -1
    const start = this.#start[i]
    let value = 0
    for (let at = start + from; at < start + to; at++) {
      const digit = hexValue[this.#bytes[at]]
      if (digit >= base) return -1
      value = value * base + digit
    }
    return value
  }

  /**
   * Field `i`, a decimal number, times 10^`places`: `1.5` with 3 places is 1500. Digits beyond are cut
   * off. -1 where it is no such number, or too large for a double to be exact.
   */
  fixed(i: number, places: number): number {
    if (i >= this.count) return -1
    return fixedPoint(this.#bytes, this.#start[i], this.#end[i], places)
  }

  /** Reads `length` bytes, a field each, from field `i` on into `data` at `to`; false: not so many. */
  bytes(i: number, length: number, base: 10 | 16, data: Uint8Array, to: number): boolean {
    if (i + length > this.count) return false
    for (let k = 0; k < length; k++) {
      const value = this.number(i + k, base)
      if (value < 0 || value > 255) return false
      data[to + k] = value
    }
    return true
  }
}

/** The decimal number from `from` to before `to`, times 10^`places`; see `Fields.fixed`. */
function fixedPoint(bytes: Uint8Array, from: number, to: number, places: number): number {
  let value = 0
  let digits = 0
  /** Digits after the point so far; -1 before it. */
  let after = -1
  for (let at = from; at < to; at++) {
    const digit = bytes[at] - ZERO
    if (bytes[at] === DOT && after < 0) after = 0
    else if (digit < 0 || digit > 9) return -1
    else {
      digits++
      if (after >= places) continue
      value = value * 10 + digit
      if (after >= 0) after++
    }
  }
  if (digits === 0) return -1
  value *= 10 ** (places - Math.max(after, 0))
  return value <= Number.MAX_SAFE_INTEGER ? value : -1
}
