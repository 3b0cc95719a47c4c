import { limitsOf } from '../j1939/patterns.ts'
import type { DbcMessage, DbcSignal } from './database.ts'

/** Places in the array in which generated code counts what is no value. */
export const NOT_AVAILABLE = 0
export const ERROR = 1
export const OUT_OF_RANGE = 2

/** What makes a raw number no value: bounds are inclusive, undefined where there is none. */
interface Bounds {
  readonly notAvailable: number | undefined
  readonly error: number | undefined
  readonly low: number | undefined
  readonly high: number | undefined
}

/** Hairs that a limit may be off by its own rounding, in raw steps. */
const HAIR = 1e-6

/**
 * Statements that keep a reading from being stored where its raw number is no value: the patterns of
 * SAE J1939-71 (5.1.4) in J1939 messages, and what lies outside the range that the file states.
 * @param raw expression of the raw number
 * @param store makes the statement that stores it, of an expression of the raw number
 */
export function guardedStore(
  message: DbcMessage,
  signal: DbcSignal,
  raw: string,
  store: (raw: string) => string,
): string {
  const { notAvailable, error, low, high } = boundsOf(message, signal)
  const tests: string[] = []
  if (notAvailable !== undefined) tests.push(`if (r >= ${notAvailable}) marks[${NOT_AVAILABLE}]++`)
  if (error !== undefined) tests.push(`if (r >= ${error}) marks[${ERROR}]++`)
  // Said so that a NaN, which is in no range, is out of this one too.
  const inside = [
    ...(low === undefined ? [] : [`r >= ${low}`]),
    ...(high === undefined ? [] : [`r <= ${high}`]),
  ]
  if (inside.length > 0) tests.push(`if (!(${inside.join(' && ')})) marks[${OUT_OF_RANGE}]++`)
  if (tests.length === 0) return store(raw)
  return `{ const r = ${raw}\n${tests.join('\nelse ')}\nelse { ${store('r')} } }`
}

function boundsOf(message: DbcMessage, signal: DbcSignal): Bounds {
  const { bitLength, signed, float } = signal
  const limits = message.j1939 && !signed && !float ? limitsOf(bitLength) : undefined
  const { low, high } = rangeOf(signal)
  const reserved = limits && limits.reserved < limits.error ? limits.reserved - 1 : undefined
  return {
    notAvailable: limits?.notAvailable,
    error: limits?.error,
    low,
    high: reserved === undefined ? high : Math.min(high ?? reserved, reserved),
  }
}

/** The file's range in raw numbers; a side that the bits cannot leave is left out. */
function rangeOf(signal: DbcSignal): { low?: number; high?: number } {
  const { minimum, maximum, factor, offset, bitLength, signed, float } = signal
  if (minimum === undefined || maximum === undefined || minimum >= maximum || factor === 0)
    return {}
  const ends = [(minimum - offset) / factor, (maximum - offset) / factor]
  const [low, high] = ends.sort((a, b) => a - b)
  // A single-precision value may lie just beside a limit that is no such value.
  if (float) return { low: low - Math.abs(low) * HAIR, high: high + Math.abs(high) * HAIR }
  const least = signed ? -(2 ** (bitLength - 1)) : 0
  const most = 2 ** (signed ? bitLength - 1 : bitLength) - 1
  const from = Math.ceil(low - HAIR)
  const to = Math.floor(high + HAIR)
  return {
    ...(from > least ? { low: from } : {}),
    ...(to < most ? { high: to } : {}),
  }
}
