import { FRAME_EXT, FRAME_FD, FRAME_RTR, FRAME_STRIDE, type FrameBatch } from '../frame.ts'
import { Fields } from './fields.ts'
import { Channels, finishFrame } from './frame-slot.ts'
import type { BusNames } from './interfaces.ts'
import { type LineFormat, type LineKind, MALFORMED, NOTHING } from './line-reader.ts'

const R = 114
const S = 115
const X = 120
const DAY_US = 86_400e6
const COLON = 58

/**
 * BusMaster: headers between `***`, then `22:20:14:9920 Rx 1 0x21A s 8 FE 36 …`; identifiers and bytes
 * hexadecimal or decimal as the header says. Times are of the day (`SYSTEM MODE`), since the start
 * (`ABSOLUTE`) or since the line before (`RELATIVE`); their last part is in 0.1 ms where it has four
 * digits, else in milliseconds. A channel has its own number: channel 1 is `can1`. Times carry no
 * zone and are taken as UTC.
 */
export class BusmasterFormat implements LineFormat {
  readonly #channels: Channels
  readonly #fields = new Fields()
  readonly #clock = new Fields()
  #base: 10 | 16 = 16
  #mode: 'system' | 'absolute' | 'relative' = 'system'
  #startUs = 0
  /** What is added to a time; the log passes midnight, or times are relative. */
  #sinceUs = 0
  #lastOfDayUs = 0

  constructor(buses: BusNames) {
    this.#channels = new Channels(buses)
  }

  line(bytes: Uint8Array, start: number, end: number, batch: FrameBatch): LineKind {
    const fields = this.#fields
    fields.split(bytes, start, end)
    if (fields.startsWith(0, '***')) {
      this.#header(Buffer.from(bytes.subarray(start, end)).toString('latin1'))
      return NOTHING
    }
    const direction = fields.is(1, 'rx') || fields.is(1, 'tx')
    const clockUs = this.#clockUs(bytes, start, start + fields.length(0))
    const type = fields.byte(4)
    if (!direction || clockUs < 0 || (type !== S && type !== X)) return MALFORMED
    const length = fields.number(5, 10)
    if (length < 0 || length > FRAME_STRIDE) return MALFORMED
    let flags = type === X ? FRAME_EXT : 0
    if (fields.byte(4, 1) === R) flags |= FRAME_RTR
    else {
      if (length > 8) flags |= FRAME_FD
      const to = batch.count * FRAME_STRIDE
      if (!fields.bytes(6, length, this.#base, batch.data, to)) return MALFORMED
    }
    const bus = this.#channels.busOf(fields.number(2, 10))
    const id = fields.number(3, this.#base)
    return finishFrame(batch, this.#timeUs(clockUs), bus, id, flags, length)
  }

  /** `hh:mm:ss:fraction` in microseconds, or -1. */
  #clockUs(bytes: Uint8Array, start: number, end: number): number {
    const clock = this.#clock
    clock.splitAt(COLON, bytes, start, end)
    const [hours, minutes, seconds] = [0, 1, 2].map((i) => clock.number(i, 10))
    const digits = clock.length(3)
    const fraction = clock.number(3, 10)
    if (clock.count !== 4 || hours < 0 || minutes < 0 || seconds < 0 || fraction < 0) return -1
    const unitUs = digits < 4 ? 1000 : 10 ** (6 - digits)
    return ((hours * 60 + minutes) * 60 + seconds) * 1e6 + Math.floor(fraction * unitUs)
  }

  #timeUs(clockUs: number): number {
    if (this.#mode === 'absolute') return this.#startUs + clockUs
    if (this.#mode === 'relative') {
      this.#sinceUs += clockUs
      return this.#startUs + this.#sinceUs
    }
    if (clockUs < this.#lastOfDayUs - DAY_US / 2) this.#sinceUs += DAY_US
    this.#lastOfDayUs = clockUs
    return Math.floor(this.#startUs / DAY_US) * DAY_US + this.#sinceUs + clockUs
  }

  #header(line: string): void {
    if (line.startsWith('***HEX')) this.#base = 16
    else if (line.startsWith('***DEC')) this.#base = 10
    else if (/^\*\*\*(SYSTEM|ABSOLUTE|RELATIVE) MODE/.test(line)) {
      this.#mode = line.startsWith('***S')
        ? 'system'
        : line.startsWith('***A')
          ? 'absolute'
          : 'relative'
    }
    const date =
      /START DATE AND TIME (\d{1,2}):(\d{1,2}):(\d{4}) (\d{1,2}):(\d{1,2}):(\d{1,2}):(\d{1,3})/.exec(
        line,
      )
    if (!date) return
    const [day, month, year, hours, minutes, seconds, ms] = date.slice(1).map(Number)
    this.#startUs = Date.UTC(year, month - 1, day, hours, minutes, seconds, ms) * 1000
    this.#sinceUs = 0
    this.#lastOfDayUs = 0
  }
}
