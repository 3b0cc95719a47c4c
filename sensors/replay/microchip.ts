import { FRAME_EXT, FRAME_STRIDE, type FrameBatch } from '../frame.ts'
import { Fields } from './fields.ts'
import { Channels, finishFrame } from './frame-slot.ts'
import type { BusNames } from './interfaces.ts'
import { type LineFormat, type LineKind, MALFORMED, NOTHING } from './line-reader.ts'

const SEMICOLON = 59
const MAX_STD_ID = 0x7ff

/**
 * Microchip CAN BUS Analyzer: a header between two lines of `//`, then
 * `milliseconds;RX;0x21A;8;0x01;…`. There is one bus, `can0`. The format has no mark for 29-bit
 * identifiers: those beyond 0x7FF are, as in SavvyCAN.
 */
export class MicrochipFormat implements LineFormat {
  readonly #channels: Channels
  readonly #fields = new Fields()
  #inHeader = false

  constructor(buses: BusNames) {
    this.#channels = new Channels(buses)
  }

  line(bytes: Uint8Array, start: number, end: number, batch: FrameBatch): LineKind {
    const fields = this.#fields
    fields.splitAt(SEMICOLON, bytes, start, end)
    if (fields.startsWith(0, '//')) {
      this.#inHeader = !this.#inHeader
      return NOTHING
    }
    const received = fields.is(1, 'rx') || fields.is(1, 'tx')
    if (!received) return this.#inHeader ? NOTHING : MALFORMED
    this.#inHeader = false
    const length = fields.number(3, 10)
    if (length < 0 || length > 8) return MALFORMED
    if (!fields.bytes(4, length, 16, batch.data, batch.count * FRAME_STRIDE)) return MALFORMED
    const id = fields.number(2, 16)
    const flags = id > MAX_STD_ID ? FRAME_EXT : 0
    return finishFrame(batch, fields.fixed(0, 3), this.#channels.busOf(0), id, flags, length)
  }
}
