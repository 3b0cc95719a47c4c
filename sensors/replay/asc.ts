import {
  FRAME_BRS,
  FRAME_ESI,
  FRAME_EXT,
  FRAME_FD,
  FRAME_RTR,
  FRAME_STRIDE,
  type FrameBatch,
} from '../frame.ts'
import { dateOf } from './date.ts'
import { Fields } from './fields.ts'
import { Channels, finishError, finishFrame } from './frame-slot.ts'
import type { BusNames } from './interfaces.ts'
import { type LineFormat, type LineKind, MALFORMED, NOTHING } from './line-reader.ts'

const X = 120
/** Flags at the end of a `CANFD` line (Vector, CAN ASCII Logging Formats, CAN FD message event). */
const ASC_RTR = 0x10
const ASC_EDL = 0x1000

/**
 * Vector ASC, as CANalyzer, CANoe and python-can write it: a `date` header or `Begin Triggerblock`,
 * `base hex` or `base dec`, times absolute or relative, classic, remote and error frames, and `CANFD`.
 * Channel 1 is `can0`. Dates carry no zone and are taken as UTC. Events that are no frames
 * (statistics, chip states, other buses) are nothing.
 */
export class AscFormat implements LineFormat {
  readonly #channels: Channels
  readonly #fields = new Fields()
  #base: 10 | 16 = 16
  #relative = false
  #startUs = 0
  #lastUs = 0

  constructor(buses: BusNames) {
    this.#channels = new Channels(buses)
  }

  line(bytes: Uint8Array, start: number, end: number, batch: FrameBatch): LineKind {
    const fields = this.#fields
    fields.split(bytes, start, end)
    const offsetUs = fields.fixed(0, 6)
    if (offsetUs < 0) return this.#header()
    // Relative times count from the event before, whatever it was.
    const timeUs = offsetUs + (this.#relative ? this.#lastUs : this.#startUs)
    this.#lastUs = timeUs
    if (fields.is(1, 'canfd')) return this.#fd(batch, timeUs)
    const channel = fields.number(1, 10)
    if (channel < 1) return NOTHING
    const bus = this.#channels.busOf(channel - 1)
    if (fields.is(2, 'errorframe')) return finishError(batch, timeUs, bus)
    if (!this.#isDirection(3)) return NOTHING
    if (fields.is(4, 'r')) {
      const length = fields.length(5) === 1 ? Math.max(fields.number(5, 16), 0) : 0
      return this.#finish(batch, timeUs, bus, 2, FRAME_RTR, Math.min(length, 8))
    }
    if (!fields.is(4, 'd')) return MALFORMED
    // A DLC of 9 to 15 is a classic frame of 8 bytes.
    const length = Math.min(fields.number(5, 16), 8)
    if (!fields.bytes(6, length, this.#base, batch.data, batch.count * FRAME_STRIDE))
      return MALFORMED
    return this.#finish(batch, timeUs, bus, 2, 0, length)
  }

  /** `CANFD <channel> <dir> <id> [name] <brs> <esi> <dlc> <length> <bytes> <…> <…> <flags>`. */
  #fd(batch: FrameBatch, timeUs: number): LineKind {
    const fields = this.#fields
    const channel = fields.number(2, 10)
    const bus = this.#channels.busOf(channel - 1)
    if (channel < 1 || !this.#isDirection(3)) return NOTHING
    if (fields.is(4, 'errorframe')) return finishError(batch, timeUs, bus)
    // A symbolic name may stand before the two bits; no name begins with a digit.
    const at = fields.is(5, '0') || fields.is(5, '1') ? 5 : 6
    const length = fields.number(at + 3, 10)
    if (length < 0 || length > FRAME_STRIDE) return MALFORMED
    if (!fields.bytes(at + 4, length, this.#base, batch.data, batch.count * FRAME_STRIDE))
      return MALFORMED
    const told = fields.number(at + 4 + length + 2, 16)
    let flags = 0
    if (told < 0 || told & ASC_EDL) {
      flags = FRAME_FD
      if (fields.is(at, '1')) flags |= FRAME_BRS
      if (fields.is(at + 1, '1')) flags |= FRAME_ESI
    } else if (told & ASC_RTR) {
      return this.#finish(batch, timeUs, bus, 4, FRAME_RTR, Math.min(fields.number(at + 2, 16), 8))
    }
    return this.#finish(batch, timeUs, bus, 4, flags, length)
  }

  #finish(
    batch: FrameBatch,
    timeUs: number,
    bus: number,
    idField: number,
    kind: number,
    length: number,
  ): LineKind {
    const fields = this.#fields
    const ext = fields.byte(idField, -1) === X
    const digits = fields.length(idField) - (ext ? 1 : 0)
    const id = fields.digits(idField, 0, digits, this.#base)
    return finishFrame(batch, timeUs, bus, id, ext ? kind | FRAME_EXT : kind, length)
  }

  #isDirection(i: number): boolean {
    const fields = this.#fields
    return fields.is(i, 'rx') || fields.is(i, 'tx') || fields.is(i, 'txrq')
  }

  #header(): LineKind {
    const fields = this.#fields
    if (fields.startsWith(0, '//')) return NOTHING
    if (fields.is(0, 'date')) this.#start(1)
    else if (fields.is(0, 'begin')) this.#start(2)
    else if (fields.is(0, 'base')) {
      this.#base = fields.is(1, 'dec') ? 10 : 16
      this.#relative = fields.is(2, 'timestamps') && fields.is(3, 'relative')
    } else if (!['no', 'internal', 'end', 'previous'].some((word) => fields.is(0, word)))
      return MALFORMED
    return NOTHING
  }

  /** A date from field `i` on: when times begin. */
  #start(i: number): void {
    const words: string[] = []
    for (let k = i; k < this.#fields.count; k++) words.push(this.#fields.text(k))
    const startUs = dateOf(words)
    if (startUs === undefined) return
    this.#startUs = startUs
    this.#lastUs = startUs
  }
}
