import { FRAME_EXT, FRAME_FD, FRAME_STRIDE, type FrameBatch } from '../frame.ts'
import { Fields } from './fields.ts'
import { Channels, finishFrame } from './frame-slot.ts'
import type { BusNames } from './interfaces.ts'
import { type LineFormat, type LineKind, MALFORMED, NOTHING } from './line-reader.ts'

const COMMA = 44

/**
 * GVRET CSV, SavvyCAN's own format: `Time Stamp,ID,Extended,[Dir,]Bus,LEN,D1,…`; the time in
 * microseconds, identifier and bytes hexadecimal. Bus 0 is `can0`. More than 8 bytes are CAN FD.
 */
export class GvretFormat implements LineFormat {
  readonly #channels: Channels
  readonly #fields = new Fields()
  /** Column of the bus; the length and the payload follow it. */
  #bus = 3

  constructor(buses: BusNames) {
    this.#channels = new Channels(buses)
  }

  line(bytes: Uint8Array, start: number, end: number, batch: FrameBatch): LineKind {
    const fields = this.#fields
    fields.splitAt(COMMA, bytes, start, end)
    if (fields.is(0, 'time stamp')) {
      this.#bus = fields.is(3, 'dir') ? 4 : 3
      return NOTHING
    }
    const length = fields.number(this.#bus + 1, 10)
    if (length < 0 || length > FRAME_STRIDE) return MALFORMED
    const to = batch.count * FRAME_STRIDE
    if (!fields.bytes(this.#bus + 2, length, 16, batch.data, to)) return MALFORMED
    const ext = fields.is(2, 'true') || fields.is(2, '1')
    if (!ext && !fields.is(2, 'false') && !fields.is(2, '0')) return MALFORMED
    return finishFrame(
      batch,
      fields.fixed(0, 0),
      this.#channels.busOf(fields.number(this.#bus, 10)),
      fields.number(1, 16),
      (ext ? FRAME_EXT : 0) | (length > 8 ? FRAME_FD : 0),
      length,
    )
  }
}
