import type { FrameBatch } from '../frame.ts'
import { CandumpLine, skipBlanks } from './candump-line.ts'
import { type BusNames, Interfaces } from './interfaces.ts'

export { formatCandump } from './format.ts'
export type { BusNames } from './interfaces.ts'

const LF = 10
const SPACE = 32
const HASH = 35
const SEMICOLON = 59

/** Longest line looked at. A CAN FD frame in `candump -a` style takes about 340 bytes. */
const MAX_LINE_BYTES = 1024
/**
 * Reads `candump` logs from bytes as they come, in chunks of any size: the log format of
 * `candump -L` (`(sec.usec) can0 123#1122`, with `##` for CAN FD, `#R` for remote frames, an error
 * frame by its flag in the id) and the screen format (`can0  123   [2]  11 22`, with or without a
 * time, with `-x` and `-a` decorations). Source: can-utils, `lib.h`, `parse_canframe` and
 * `snprintf_long_canframe`.
 *
 * No string and no object is made per line. A line that is not a frame is counted in `malformed`
 * and skipped; empty lines and lines that begin with `#` or `;` are nothing. A line without a time
 * has the time of the line before it, 0 at the start. Dates without a zone are taken as UTC.
 */
export class CandumpReader {
  /** Frames delivered so far. */
  frames = 0
  /** Lines that are no frame. */
  malformed = 0
  /** Frames of interfaces for which `BusNames.indexOf` said no. */
  unwanted = 0

  readonly #interfaces: Interfaces
  readonly #parser = new CandumpLine()
  readonly #carry = new Uint8Array(MAX_LINE_BYTES)
  #carried = 0
  /** Inside a line longer than `MAX_LINE_BYTES`, already counted as malformed. */
  #skipping = false

  constructor(buses: BusNames) {
    this.#interfaces = new Interfaces(buses)
  }

  /**
   * Takes the next bytes. `full` is called whenever `batch` is full; it must take the frames before
   * it returns, the batch is emptied after it. Frames may remain in the batch afterwards.
   */
  feed(chunk: Uint8Array, batch: FrameBatch, full: (batch: FrameBatch) => void): void {
    let start = 0
    while (start < chunk.length) {
      const stop = chunk.indexOf(LF, start)
      if (stop < 0) {
        this.#keep(chunk, start, chunk.length)
        return
      }
      if (this.#skipping) this.#skipping = false
      else if (this.#carried > 0) {
        this.#keep(chunk, start, stop)
        if (this.#skipping) this.#skipping = false
        else this.#line(this.#carry, 0, this.#carried, batch, full)
        this.#carried = 0
      } else if (stop - start > MAX_LINE_BYTES) this.malformed++
      else this.#line(chunk, start, stop, batch, full)
      start = stop + 1
    }
  }

  /** The source has ended: takes a last line that has no newline, and hands over what is left. */
  end(batch: FrameBatch, full: (batch: FrameBatch) => void): void {
    if (this.#carried > 0 && !this.#skipping) this.#line(this.#carry, 0, this.#carried, batch, full)
    this.#carried = 0
    this.#skipping = false
    if (batch.count > 0) {
      full(batch)
      batch.count = 0
    }
  }

  #keep(chunk: Uint8Array, start: number, stop: number): void {
    if (this.#skipping) return
    if (this.#carried + stop - start > MAX_LINE_BYTES) {
      this.malformed++
      this.#skipping = true
      this.#carried = 0
      return
    }
    this.#carry.set(chunk.subarray(start, stop), this.#carried)
    this.#carried += stop - start
  }

  #line(
    bytes: Uint8Array,
    from: number,
    to: number,
    batch: FrameBatch,
    full: (batch: FrameBatch) => void,
  ): void {
    let end = to
    while (end > from && bytes[end - 1] <= SPACE) end--
    const start = skipBlanks(bytes, from, end)
    if (start === end) return
    const first = bytes[start]
    if (first === HASH || first === SEMICOLON) return
    const line = this.#parser
    if (!line.parse(bytes, start, end, batch)) {
      this.malformed++
      return
    }
    const bus = this.#interfaces.busOf(bytes, line.nameStart, line.nameEnd)
    if (bus < 0) {
      this.unwanted++
      return
    }
    batch.bus[batch.count] = bus
    batch.count++
    this.frames++
    if (batch.full) {
      full(batch)
      batch.count = 0
    }
  }
}
