import type { DbcSignal } from './database.ts'
import { type Layout, layoutOf } from './layout.ts'

/**
 * JavaScript expressions that read a signal out of bytes named `b0`, `b1`, …; `view` in them is a
 * shared DataView of 8 bytes and `half` reads a 16-bit float. Only numbers of our own making enter
 * the text, never text of the file.
 */

/** Name of the variable that holds byte `i` of the payload. */
export function byteName(i: number): string {
  return `b${i}`
}

/** Most bits that a double holds exactly. */
const EXACT_BITS = 53

/** Bits `from` to `from + count - 1` of the signal's value, `count` up to 32, as a 32-bit number. */
function bits(layout: Layout, from: number, count: number, signed: boolean): string {
  const at = layout.low + from
  const first = at >> 3
  const low = at & 7
  const parts: string[] = []
  for (let i = 0; 8 * i - low < count; i++) {
    const name = byteName(layout.bytes[first + i])
    const shift = 8 * i - low
    const used = Math.min(8, count - shift)
    // A sign extension cuts the upper bits off by itself.
    const whole = used === 8 || signed || (i === 0 && used >= 8 - low && low > 0)
    if (i === 0) {
      const shifted = low > 0 ? `${name} >> ${low}` : name
      parts.push(count < 8 - low && !signed ? `(${shifted}) & ${2 ** count - 1}` : shifted)
    } else {
      const masked = whole ? name : `(${name} & ${2 ** used - 1})`
      parts.push(`${masked} << ${shift}`)
    }
  }
  const joined = parts.length > 1 ? parts.map((part) => `(${part})`).join(' | ') : parts[0]
  if (signed)
    return count === 32 ? `(${joined} | 0)` : `(((${joined}) << ${32 - count}) >> ${32 - count})`
  return count === 32 ? `((${joined}) >>> 0)` : `(${joined})`
}

/**
 * The raw value as a double. Beyond 53 bits it is the nearest double: the upper half times 2^32 is
 * exact, so that the sum is rounded once.
 */
export function numberExpression(signal: DbcSignal, layout = layoutOf(signal)): string {
  const { bitLength, signed } = signal
  if (signal.float) return floatExpression(layout)
  if (bitLength <= 32) return bits(layout, 0, bitLength, signed)
  if (bitLength <= 64) {
    const high = bits(layout, 32, bitLength - 32, signed)
    return `(${high} * 4294967296 + ${bits(layout, 0, 32, false)})`
  }
  return `Number(${bigExpression(signal, layout)})`
}

/** The raw value of an integer signal as a bigint. */
function bigExpression(signal: DbcSignal, layout = layoutOf(signal)): string {
  const { bitLength, signed } = signal
  const parts: string[] = []
  for (let from = 0; from < bitLength; from += 32) {
    const count = Math.min(32, bitLength - from)
    const part = bits(layout, from, count, signed && from + count === bitLength)
    parts.push(`(BigInt(${part}) << ${from}n)`)
  }
  return `(${parts.join(' | ')})`
}

function floatExpression(layout: Layout): string {
  const low = bits(layout, 0, Math.min(32, layout.bitLength), true)
  if (layout.bitLength === 16) return `half(${bits(layout, 0, 16, false)})`
  if (layout.bitLength === 32) return `(view.setInt32(0, ${low}), view.getFloat32(0))`
  const high = bits(layout, 32, 32, true)
  return `(view.setInt32(0, ${high}), view.setInt32(4, ${low}), view.getFloat64(0))`
}

/** A 16-bit float of IEEE 754-2008, 3.6 (binary16), from its bits. */
export function half(raw: number): number {
  const sign = raw & 0x8000 ? -1 : 1
  const exponent = (raw >> 10) & 0x1f
  const fraction = raw & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** The scaled value as a double, by plain double arithmetic. */
export function scaledNumber(signal: DbcSignal, raw: string): string {
  const { factor, offset } = signal
  if (factor === 1 && offset === 0) return raw
  const product = factor === 1 ? raw : `${raw} * ${literal(factor)}`
  // Adding 0 turns the -0 of 0 * -1 into 0.
  return offset === 0 && factor > 0 ? product : `${product} + ${literal(offset)}`
}

/**
 * The scaled value exactly as Python computes it for cantools: integers in integer arithmetic of any
 * size where factor and offset are integers, else in doubles. A bigint where it exceeds 2^53.
 */
export function scaledExact(signal: DbcSignal): string {
  const { bitLength, exactFactor, exactOffset } = signal
  if (signal.float) return scaledNumber(signal, numberExpression(signal))
  if (exactFactor !== undefined) {
    const largest =
      (1n << BigInt(bitLength)) * magnitude(exactFactor) + magnitude(exactOffset ?? 0n)
    if (largest > BigInt(Number.MAX_SAFE_INTEGER)) {
      const product = `${bigExpression(signal)} * ${exactFactor < 0n ? `(${exactFactor}n)` : `${exactFactor}n`}`
      if (exactOffset !== undefined) return `shrink(${product} + ${bigLiteral(exactOffset)})`
      return `Number(${product}) + ${literal(signal.offset)}`
    }
  }
  return scaledNumber(signal, numberExpression(signal))
}

/** The raw value, a bigint where it exceeds 2^53. */
export function rawExact(signal: DbcSignal): string {
  if (signal.float || signal.bitLength <= EXACT_BITS) return numberExpression(signal)
  return `shrink(${bigExpression(signal)})`
}

/** A bigint as a number where that loses nothing. */
export function shrink(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** A value as JSON text: what JSON cannot write is a string. */
export function json(value: number | bigint): string {
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : `"${value}"`
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value
}

function bigLiteral(value: bigint): string {
  return value < 0n ? `(${value}n)` : `${value}n`
}

/** Shortest text that reads back as the same double. */
function literal(value: number): string {
  return value < 0 || Object.is(value, -0) ? `(${value})` : String(value)
}
