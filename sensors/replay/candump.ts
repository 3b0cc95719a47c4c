import type { FrameBatch } from '../frame.ts'
import { CandumpLine } from './candump-line.ts'
import { type BusNames, Interfaces } from './interfaces.ts'
import {
  FRAME,
  type LineFormat,
  type LineKind,
  MALFORMED,
  NOTHING,
  UNWANTED,
} from './line-reader.ts'

export { formatCandump } from './format.ts'
export type { BusNames } from './interfaces.ts'

const HASH = 35
const SEMICOLON = 59

/**
 * candump: the log format of `candump -L` (`(sec.usec) can0 123#1122`, with `##` for CAN FD, `#R` for
 * remote frames, an error frame by its flag in the id) and the screen format
 * (`can0  123   [2]  11 22`, with or without a time, with `-x` and `-a` decorations). Source:
 * can-utils, `lib.h`, `parse_canframe` and `snprintf_long_canframe`.
 *
 * Lines that begin with `#` or `;` are nothing. A line without a time has the time of the line before
 * it, 0 at the start. Dates without a zone are taken as UTC.
 *
 * A last line without newline is what a killed writer leaves: where the lines before it end with a
 * direction, as our recorder's do, it is a frame only if it has one too. So a payload cut in half
 * never passes for a whole one.
 */
export class CandumpFormat implements LineFormat {
  readonly #interfaces: Interfaces
  readonly #parser = new CandumpLine()
  #directed = false

  constructor(buses: BusNames) {
    this.#interfaces = new Interfaces(buses)
  }

  line(bytes: Uint8Array, start: number, end: number, batch: FrameBatch, whole: boolean): LineKind {
    const first = bytes[start]
    if (first === HASH || first === SEMICOLON) return NOTHING
    const line = this.#parser
    if (!line.parse(bytes, start, end, batch)) return MALFORMED
    if (!whole && this.#directed && !line.directed) return MALFORMED
    this.#directed = line.directed
    const bus = this.#interfaces.busOf(bytes, line.nameStart, line.nameEnd)
    if (bus < 0) return UNWANTED
    batch.bus[batch.count] = bus
    return FRAME
  }
}
