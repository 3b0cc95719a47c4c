import {
  FD_LENGTHS,
  FRAME_BRS,
  FRAME_ERR,
  FRAME_ESI,
  FRAME_EXT,
  FRAME_FD,
  FRAME_RTR,
  FRAME_STRIDE,
  type FrameBatch,
} from '../frame.ts'
import { hexValue } from '../hex.ts'
import { skipBlanks } from './line-reader.ts'

/** Bits above the identifier, as in `linux/can.h`. */
const CAN_EFF_FLAG = 0x80000000
const CAN_ERR_FLAG = 0x20000000
const MAX_EXT_ID = 0x1fffffff
const MAX_STD_ID = 0x7ff

const SPACE = 32
const QUOTE = 39
const HASH = 35
const PAREN_OPEN = 40
const PAREN_CLOSE = 41
const DASH = 45
const DOT = 46
const ZERO = 48
const B = 66
const E = 69
const R = 82
const T = 84
const X = 88
const BRACKET_OPEN = 91
const BRACKET_CLOSE = 93
const UNDERSCORE = 95
const LOWER_R = 114
const BRACE_OPEN = 123
const BRACE_CLOSE = 125

/** Parses single lines of candump's two formats. */
export class CandumpLine {
  /** Where the interface name of the line last parsed lies. */
  nameStart = 0
  nameEnd = 0
  /** Whether the line last parsed ended with a direction, `R` or `T`. */
  directed = false
  /** A line without a time has the time of the line before it. */
  #timeUs = 0
  /** Where the part just parsed ended; -1 says that it was not well-formed. */
  #at = 0

  /**
   * Parses one line, without blanks at its ends, into slot `batch.count`, all but the bus. Returns
   * whether it is a frame.
   */
  parse(bytes: Uint8Array, start: number, end: number, batch: FrameBatch): boolean {
    let at = start
    let timeUs = this.#timeUs
    if (bytes[at] === PAREN_OPEN) {
      timeUs = this.#time(bytes, at + 1, end)
      if (this.#at < 0) return false
      at = skipBlanks(bytes, this.#at, end)
    }
    const nameStart = at
    while (at < end && bytes[at] > SPACE) at++
    const nameEnd = at
    at = skipBlanks(bytes, at, end)
    this.#at = -1
    if (nameEnd === nameStart || nameEnd === at) return false
    let extra = 0
    if (bytes[at + 1] === X && (bytes[at] === R || bytes[at] === T)) {
      // `candump -x`: RX or TX, then B or -, then E or -, before the identifier.
      const brs = skipBlanks(bytes, at + 2, end)
      const esi = skipBlanks(bytes, brs + 1, end)
      if (bytes[brs] === B) extra |= FRAME_BRS
      if (bytes[esi] === E) extra |= FRAME_ESI
      at = skipBlanks(bytes, esi + 1, end)
    }
    this.directed = false
    const idStart = at
    let id = 0
    for (; at < end; at++) {
      const digit = hexValue[bytes[at]]
      if (digit > 15) break
      id = id * 16 + digit
    }
    const flags = this.#identifier(batch, id, at - idStart)
    if (flags < 0 || at >= end) return false
    if (bytes[at] === HASH) this.#logPayload(bytes, at + 1, end, batch, flags)
    else this.#screenPayload(bytes, at, end, batch, flags, extra)
    if (this.#at < 0) return false
    this.#timeUs = timeUs
    batch.timeUs[batch.count] = timeUs
    this.nameStart = nameStart
    this.nameEnd = nameEnd
    return true
  }

  /** Stores the identifier; returns its flags, or -1. Three digits are 11 bits, eight are 29. */
  #identifier(batch: FrameBatch, id: number, digits: number): number {
    if (digits === 3) {
      if (id > MAX_STD_ID) return -1
      batch.id[batch.count] = id
      return 0
    }
    if (digits !== 8) return -1
    let value = id
    if (value >= CAN_EFF_FLAG) value -= CAN_EFF_FLAG
    if (value <= MAX_EXT_ID) {
      batch.id[batch.count] = value
      return FRAME_EXT
    }
    value -= CAN_ERR_FLAG
    if (value > MAX_EXT_ID) return -1
    batch.id[batch.count] = value
    return FRAME_ERR
  }

  /** What follows the first `#` of the log format. */
  #logPayload(
    bytes: Uint8Array,
    from: number,
    end: number,
    batch: FrameBatch,
    idFlags: number,
  ): void {
    const slot = batch.count
    let flags = idFlags
    let at = from
    let limit = 8
    let length = 0
    if (bytes[at] === HASH && at < end) {
      const fd = at + 1 < end ? hexValue[bytes[at + 1]] : 255
      if (fd > 15) return
      flags |= FRAME_FD | (fd & 1 ? FRAME_BRS : 0) | (fd & 2 ? FRAME_ESI : 0)
      limit = FRAME_STRIDE
      at += 2
    }
    if (limit === 8 && at < end && (bytes[at] === R || bytes[at] === LOWER_R)) {
      flags |= FRAME_RTR
      at++
      if (at < end && bytes[at] >= ZERO && bytes[at] <= ZERO + 8) length = bytes[at++] - ZERO
    } else {
      const data = batch.data
      const base = slot * FRAME_STRIDE
      while (at < end) {
        if (bytes[at] === DOT && length > 0) at++
        if (at >= end) return
        const high = hexValue[bytes[at]]
        if (high > 15) break
        const low = at + 1 < end ? hexValue[bytes[at + 1]] : 255
        if (low > 15 || length === limit) return
        data[base + length++] = (high << 4) | low
        at += 2
      }
    }
    if (limit === FRAME_STRIDE && !FD_LENGTHS.includes(length)) return
    // `_9` to `_F`: the raw DLC of a classic frame of 8 bytes; it says nothing about the payload.
    if (at < end && bytes[at] === UNDERSCORE) {
      if (length !== 8 || at + 1 >= end || hexValue[bytes[at + 1]] > 15) return
      at += 2
    }
    if (at < end) {
      // The direction that newer versions and python-can append.
      const direction = skipBlanks(bytes, at, end)
      if (direction === at || direction !== end - 1) return
      if (bytes[direction] !== R && bytes[direction] !== T) return
      this.directed = true
    }
    this.#store(batch, flags, length, end)
  }

  /** What follows the identifier in the screen format: `[2]  11 22`, or `[12]` and more for CAN FD. */
  #screenPayload(
    bytes: Uint8Array,
    from: number,
    end: number,
    batch: FrameBatch,
    idFlags: number,
    extra: number,
  ): void {
    const slot = batch.count
    let at = skipBlanks(bytes, from, end)
    const opening = bytes[at]
    if (at === from || at >= end || (opening !== BRACKET_OPEN && opening !== BRACE_OPEN)) return
    const lengthStart = ++at
    let length = 0
    for (; at < end && bytes[at] >= ZERO && bytes[at] <= ZERO + 9; at++)
      length = length * 10 + bytes[at] - ZERO
    const digits = at - lengthStart
    if (digits < 1 || digits > 2 || at >= end) return
    if (bytes[at] !== (opening === BRACKET_OPEN ? BRACKET_CLOSE : BRACE_CLOSE)) return
    at++
    let flags = idFlags
    if (opening === BRACE_OPEN) {
      // `candump -8` shows the raw DLC of a classic frame in braces; beyond 8 the payload is 8.
      if (length > 15) return
      length = Math.min(length, 8)
    } else if (digits === 2) {
      // Two digits, also `[08]`, are how candump marks CAN FD.
      if (!FD_LENGTHS.includes(length)) return
      flags |= FRAME_FD | extra
    } else if (length > 8) return
    if (startsWithRemote(bytes, skipBlanks(bytes, at, end), end)) flags |= FRAME_RTR
    else {
      const base = slot * FRAME_STRIDE
      for (let i = 0; i < length; i++) {
        const digit = skipBlanks(bytes, at, end)
        if (digit === at || digit + 1 >= end) return
        const high = hexValue[bytes[digit]]
        const low = hexValue[bytes[digit + 1]]
        if (high > 15 || low > 15) return
        batch.data[base + i] = (high << 4) | low
        at = digit + 2
      }
      // After the payload only the ASCII view or a word such as ERRORFRAME may stand.
      const rest = skipBlanks(bytes, at, end)
      if (rest < end) {
        if (rest === at) return
        if (bytes[rest] !== QUOTE && (flags & FRAME_ERR) === 0) return
      }
    }
    this.#store(batch, flags, length, end)
  }

  #store(batch: FrameBatch, flags: number, length: number, end: number): void {
    const slot = batch.count
    // A remote frame asks for so many bytes and carries none; no stale ones shall show.
    if (flags & FRAME_RTR) batch.data.fill(0, slot * FRAME_STRIDE, slot * FRAME_STRIDE + length)
    batch.flags[slot] = flags
    batch.length[slot] = length
    this.#at = end
  }

  /** `sec.usec)` or `YYYY-MM-DD hh:mm:ss.usec)`; returns microseconds, `#at` stands after it. */
  #time(bytes: Uint8Array, from: number, end: number): number {
    this.#at = -1
    let at = from
    let seconds = 0
    for (; at < end && bytes[at] >= ZERO && bytes[at] <= ZERO + 9; at++)
      seconds = seconds * 10 + bytes[at] - ZERO
    if (at === from) return 0
    if (at - from === 4 && bytes[at] === DASH) {
      // 2026-01-31 12:34:56 has its parts in fixed places.
      if (at + 15 >= end) return 0
      const ms = Date.UTC(
        seconds,
        pair(bytes, at + 1) - 1,
        pair(bytes, at + 4),
        pair(bytes, at + 7),
        pair(bytes, at + 10),
        pair(bytes, at + 13),
      )
      if (Number.isNaN(ms)) return 0
      seconds = ms / 1000
      at += 15
    }
    let micros = 0
    if (bytes[at] === DOT) {
      at++
      let scale = 100_000
      for (; at < end && bytes[at] >= ZERO && bytes[at] <= ZERO + 9; at++) {
        micros += (bytes[at] - ZERO) * scale
        // Digits past the sixth are nanoseconds; scale is 0 there.
        scale = (scale / 10) | 0
      }
    }
    if (at >= end || bytes[at] !== PAREN_CLOSE) return 0
    const timeUs = seconds * 1e6 + micros
    if (timeUs > Number.MAX_SAFE_INTEGER) return 0
    this.#at = at + 1
    return timeUs
  }
}

/** Two decimal digits, or NaN. */
function pair(bytes: Uint8Array, at: number): number {
  const tens = bytes[at] - ZERO
  const ones = bytes[at + 1] - ZERO
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN
}

/** "remote request": no hex digit pair begins with r. */
function startsWithRemote(bytes: Uint8Array, at: number, end: number): boolean {
  return at < end && bytes[at] === LOWER_R
}
