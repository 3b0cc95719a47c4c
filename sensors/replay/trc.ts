import {
  FD_LENGTHS,
  FRAME_BRS,
  FRAME_ESI,
  FRAME_EXT,
  FRAME_FD,
  FRAME_RTR,
  FRAME_STRIDE,
  type FrameBatch,
} from '../frame.ts'
import { Fields } from './fields.ts'
import { Channels, finishFrame } from './frame-slot.ts'
import type { BusNames } from './interfaces.ts'
import { type LineFormat, type LineKind, MALFORMED, NOTHING } from './line-reader.ts'

const SEMICOLON = 59
/** Days from 1899-12-30, from which `$STARTTIME` counts, to 1970-01-01. */
const EPOCH_DAYS = 25_569
const DAY_US = 86_400e6

/** Where the columns of a version stand; -1: it has none such. */
interface Columns {
  readonly time: number
  readonly type: number
  readonly bus: number
  readonly id: number
  /** A count of bytes, or a DLC. */
  readonly length: number
  readonly dlc: boolean
  readonly data: number
}

/** Letters are those of `$COLUMNS` (PEAK CAN TRC File Format, 3.6); D is last and takes the rest. */
function lineColumns(letters: string): Columns {
  const at = (letter: string): number => letters.indexOf(letter)
  const dlc = at('l') < 0
  return {
    time: at('O'),
    type: at('T'),
    bus: at('B'),
    id: at('I'),
    length: dlc ? at('L') : at('l'),
    dlc,
    data: at('D'),
  }
}

/** What versions have that do not list their columns (PEAK CAN TRC File Format, 3.1 to 3.4). */
const BY_VERSION: Readonly<Record<string, string>> = {
  '1.0': 'NOILD',
  '1.1': 'NOTILD',
  '1.2': 'NOBTILD',
  '1.3': 'NOBTIRLD',
  '2.0': 'NOTIdlD',
  '2.1': 'NOTBIdRLD',
}

/** Message types of version 2 that are frames, with their flags. */
const TYPES: Readonly<Record<string, number>> = {
  dt: 0,
  fd: FRAME_FD,
  fb: FRAME_FD | FRAME_BRS,
  fe: FRAME_FD | FRAME_BRS | FRAME_ESI,
  bi: FRAME_FD | FRAME_ESI,
  rr: FRAME_RTR,
}
const TYPE_NAMES = Object.keys(TYPES)

/** Types that are no frame: state, error, event, error counters; `Warng` and `Error` of version 1. */
const EVENTS = ['st', 'er', 'ev', 'ec', 'warng', 'error']

/**
 * PCAN-View and PCAN-Explorer traces, versions 1.0 to 2.1. A log that names no version is 1.0.
 * Channel 1 is `can0`. The start time carries no zone and is taken as UTC.
 */
export class TrcFormat implements LineFormat {
  readonly #channels: Channels
  readonly #fields = new Fields()
  #columns = lineColumns(BY_VERSION['1.0'])
  #second = false
  #startUs = 0

  constructor(buses: BusNames) {
    this.#channels = new Channels(buses)
  }

  line(bytes: Uint8Array, start: number, end: number, batch: FrameBatch): LineKind {
    if (bytes[start] === SEMICOLON) {
      this.#header(Buffer.from(bytes.subarray(start, end)).toString('latin1'))
      return NOTHING
    }
    const fields = this.#fields
    fields.split(bytes, start, end)
    const { time, type, bus, id, length, dlc, data } = this.#columns
    const offsetUs = fields.fixed(time, 3)
    if (offsetUs < 0 || fields.is(id, 'ffffffff')) return offsetUs < 0 ? MALFORMED : NOTHING
    let flags = 0
    if (type >= 0) {
      if (EVENTS.some((event) => fields.is(type, event))) return NOTHING
      if (this.#second) {
        const found = TYPE_NAMES.find((name) => fields.is(type, name))
        if (found === undefined) return MALFORMED
        flags = TYPES[found]
      } else if (!fields.is(type, 'rx') && !fields.is(type, 'tx')) return MALFORMED
    }
    let count = fields.number(length, 10)
    if (dlc) count = flags & FRAME_FD ? (FD_LENGTHS[count] ?? -1) : Math.min(count, 8)
    if (fields.is(data, 'rtr')) flags |= FRAME_RTR
    if (count < 0 || count > FRAME_STRIDE) return MALFORMED
    if (!(flags & FRAME_RTR)) {
      if (!fields.bytes(data, count, 16, batch.data, batch.count * FRAME_STRIDE)) return MALFORMED
    }
    // Four digits are 11 bits, eight are 29.
    if (fields.length(id) > 4) flags |= FRAME_EXT
    const channel = bus < 0 ? 0 : fields.number(bus, 10) - 1
    const index = this.#channels.busOf(Math.max(channel, 0))
    return finishFrame(batch, this.#startUs + offsetUs, index, fields.number(id, 16), flags, count)
  }

  #header(line: string): void {
    const found = /^;\$(\w+)=(.*)$/.exec(line)
    if (!found) return
    const [, key, value] = found
    if (key === 'FILEVERSION') {
      const version = value.trim()
      this.#columns = lineColumns(BY_VERSION[version] ?? BY_VERSION['1.0'])
      this.#second = version.startsWith('2.')
    } else if (key === 'STARTTIME') {
      const startUs = Math.round((Number(value) - EPOCH_DAYS) * DAY_US)
      if (startUs >= 0) this.#startUs = startUs
    } else if (key === 'COLUMNS') this.#columns = lineColumns(value.replace(/[^A-Za-z]/g, ''))
  }
}
