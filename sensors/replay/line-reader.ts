import type { FrameBatch } from '../frame.ts'
import type { LogReader } from './log-source.ts'

const LF = 10
const SPACE = 32
const TAB = 9

/** Longest line looked at. A CAN FD frame in `candump -a` style takes about 340 bytes. */
const MAX_LINE_BYTES = 1024

/** What one line of a log was. */
export const FRAME = 1
/** A header, a comment, or an event that is no frame. */
export const NOTHING = 0
export const MALFORMED = -1
/** A frame of a bus that is not wanted. */
export const UNWANTED = -2
export type LineKind = typeof FRAME | typeof NOTHING | typeof MALFORMED | typeof UNWANTED

/** A format in which each frame is a line. Keeps what the header said. */
export interface LineFormat {
  /**
   * Reads the line from `start` to before `end`, which has no blanks at its ends and is not empty. A
   * frame goes to slot `batch.count`, which is not counted here. `whole` is false for a last line that
   * has no newline.
   */
  line(bytes: Uint8Array, start: number, end: number, batch: FrameBatch, whole: boolean): LineKind
}

/**
 * Cuts bytes into lines, in chunks of any size, and lets a format read them. No string and no object
 * is made per line. Lines that are too long are counted as malformed and skipped.
 */
export class LineReader implements LogReader {
  readonly format: string
  frames = 0
  malformed = 0
  /** Frames of interfaces for which `BusNames.indexOf` said no. */
  unwanted = 0

  readonly #lines: LineFormat
  #chunk: Uint8Array = new Uint8Array(0)
  #at = 0
  /** The beginning of a line whose end is in a chunk to come. */
  readonly #carry = new Uint8Array(MAX_LINE_BYTES)
  #carried = 0
  /** Inside a line longer than `MAX_LINE_BYTES`, already counted as malformed. */
  #skipping = false
  #ended = false

  constructor(format: string, lines: LineFormat) {
    this.format = format
    this.#lines = lines
  }

  push(chunk: Uint8Array): void {
    this.#chunk = chunk
    this.#at = 0
  }

  end(): void {
    this.#ended = true
  }

  fill(batch: FrameBatch): boolean {
    const chunk = this.#chunk
    while (this.#at < chunk.length) {
      if (batch.full) return true
      const start = this.#at
      const stop = chunk.indexOf(LF, start)
      if (stop < 0) {
        this.#keep(chunk, start, chunk.length)
        this.#at = chunk.length
        break
      }
      this.#at = stop + 1
      if (this.#skipping) this.#skipping = false
      else if (this.#carried > 0) {
        this.#keep(chunk, start, stop)
        if (this.#skipping) this.#skipping = false
        else this.#line(this.#carry, 0, this.#carried, batch, true)
        this.#carried = 0
      } else if (stop - start > MAX_LINE_BYTES) this.malformed++
      else this.#line(chunk, start, stop, batch, true)
    }
    if (this.#ended && this.#carried > 0 && !batch.full) {
      this.#line(this.#carry, 0, this.#carried, batch, false)
      this.#carried = 0
    }
    return batch.full
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

  #line(bytes: Uint8Array, from: number, to: number, batch: FrameBatch, whole: boolean): void {
    let end = to
    while (end > from && bytes[end - 1] <= SPACE) end--
    const start = skipBlanks(bytes, from, end)
    if (start === end) return
    const kind = this.#lines.line(bytes, start, end, batch, whole)
    if (kind === FRAME) {
      batch.count++
      this.frames++
    } else if (kind === MALFORMED) this.malformed++
    else if (kind === UNWANTED) this.unwanted++
  }
}

export function skipBlanks(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++
  return at
}
