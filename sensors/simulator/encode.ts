import type { DbcMessage, DbcSignal } from '../dbc/database.ts'
import { type Layout, layoutOf } from '../dbc/layout.ts'

/** Integers wider than this are not exact in a number, and the encoder refuses them. */
const MAX_INTEGER_BITS = 53

/** What a signal shall be, in its unit; `index` is its place in `DbcMessage.signals`. */
export type ReadSignal = (signal: DbcSignal, index: number) => number

/** Writes the payload of one message. The way back of the decoder, for the simulator and tests. */
export class MessageEncoder {
  readonly message: DbcMessage
  readonly #layouts: readonly Layout[]
  /** Least and largest raw value of each integer signal, and how many there are. */
  readonly #bounds: readonly Bounds[]
  /** The signals' places, multiplexers first: one may stand after what hangs on it. */
  readonly #order: readonly number[]
  /** Raw values of the frame being written, by the signals' places: multiplexers decide by them. */
  readonly #raw: Float64Array
  readonly #multiplexers: readonly number[]
  readonly #scratch = new DataView(new ArrayBuffer(8))

  /** Throws a `RangeError` for an integer signal of more than 53 bits. */
  constructor(message: DbcMessage) {
    const wide = message.signals.find((s) => !s.float && s.bitLength > MAX_INTEGER_BITS)
    if (wide) throw new RangeError(`${message.name}.${wide.name} has more than 53 bits`)
    this.message = message
    this.#layouts = message.signals.map((signal) => layoutOf(signal))
    this.#bounds = message.signals.map(boundsOf)
    const places = [...message.signals.keys()]
    this.#order = [true, false].flatMap((first) =>
      places.filter((i) => (message.signals[i].isMultiplexer ?? false) === first),
    )
    this.#raw = new Float64Array(message.signals.length)
    this.#multiplexers = message.signals.map((s) =>
      s.mux ? message.signals.indexOf(s.mux.multiplexer) : -1,
    )
  }

  /**
   * Writes `message.length` bytes from `offset` on. Values are limited to what the file states and
   * the bits hold, and rounded to the nearest step. Signals of an inactive multiplexer branch are
   * not asked for; bits that belong to nobody are 0.
   */
  encode(read: ReadSignal, data: Uint8Array, offset: number): void {
    const { length } = this.message
    data.fill(0, offset, offset + length)
    this.#raw.fill(Number.NaN)
    for (let i = 0; i < this.#order.length; i++) this.#signal(this.#order[i], read, data, offset)
  }

  #signal(i: number, read: ReadSignal, data: Uint8Array, offset: number): void {
    const signal = this.message.signals[i]
    if (signal.mux) {
      const raw = this.#raw[this.#multiplexers[i]]
      if (!signal.mux.ranges.some((range) => raw >= range.from && raw <= range.to)) return
    }
    const value = limited(signal, read(signal, i))
    if (signal.float) {
      this.#float(signal, this.#layouts[i], (value - signal.offset) / signal.factor, data, offset)
      return
    }
    const { low, high, span } = this.#bounds[i]
    const stated = Math.round((value - signal.offset) / signal.factor)
    const raw = Math.min(Math.max(stated, low), high)
    this.#raw[i] = raw
    const bits = raw < 0 ? raw + span : raw
    if (span <= MAX_SMALL) writeSmall(this.#layouts[i], bits, data, offset)
    else writeBits(this.#layouts[i], bits, data, offset)
  }

  #float(signal: DbcSignal, layout: Layout, raw: number, data: Uint8Array, offset: number): void {
    if (signal.bitLength === 64) this.#scratch.setFloat64(0, raw, true)
    else if (signal.bitLength === 32) this.#scratch.setFloat32(0, raw, true)
    else throw new RangeError(`${signal.name}: floats have 32 or 64 bits`)
    if (layout.low !== 0) throw new RangeError(`${signal.name}: a float begins at a whole byte`)
    // `layout.bytes` begins with the least significant byte in both byte orders.
    layout.bytes.forEach((byte, i) => {
      data[offset + byte] = this.#scratch.getUint8(i)
    })
  }
}

function limited(signal: DbcSignal, value: number): number {
  const { minimum, maximum } = signal
  if (minimum !== undefined && value < minimum) return minimum
  if (maximum !== undefined && value > maximum) return maximum
  return value
}

interface Bounds {
  readonly low: number
  readonly high: number
  readonly span: number
}

function boundsOf({ bitLength, signed }: DbcSignal): Bounds {
  const span = 2 ** bitLength
  const low = signed ? -span / 2 : 0
  return { low, high: low + span - 1, span }
}

/** Up to so many values fit into what shifts work on. */
const MAX_SMALL = 2 ** 31

/** `writeBits` for signals of up to 31 bits, which nearly all are. */
function writeSmall(layout: Layout, raw: number, data: Uint8Array, offset: number): void {
  const { bytes } = layout
  data[offset + bytes[0]] |= raw << layout.low
  let rest = raw >>> (8 - layout.low)
  for (let i = 1; i < bytes.length; i++) {
    data[offset + bytes[i]] |= rest
    rest >>>= 8
  }
}

/** Sets the bits of an unsigned raw value; the payload holds 0 there before. */
function writeBits(layout: Layout, raw: number, data: Uint8Array, offset: number): void {
  let rest = raw
  let shift = layout.low
  let left = layout.bitLength
  for (const byte of layout.bytes) {
    const take = Math.min(8 - shift, left)
    const size = 2 ** take
    const part = rest % size
    data[offset + byte] |= part << shift
    rest = (rest - part) / size
    left -= take
    shift = 0
  }
}
