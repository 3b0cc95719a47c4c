import { bytesForAll, compile, type Emitter, generate } from './codegen.ts'
import type { DbcMessage, DbcSignal } from './database.ts'
import { rawExact, scaledExact } from './expression.ts'

/** Value of a signal: a bigint only for an integer beyond 2^53. Floats may be NaN or infinite. */
export type ExactValue = number | bigint

/** Values by signal name; signals of inactive branches and those the payload is too short for are absent. */
export type ExactValues = Record<string, ExactValue>

/** Counts payloads that are too short for at least one signal that is due in them. */
export interface Tally {
  short: number
}

/**
 * Decodes a payload exactly, as cantools does: `raw` gives unscaled values, otherwise integers are
 * scaled in integer arithmetic of any size. `start` and `length` choose a part of `data`.
 */
export function decodeMessage(
  message: DbcMessage,
  data: Uint8Array,
  raw: boolean,
  start = 0,
  length = data.length - start,
  tally: Tally = { short: 0 },
): ExactValues {
  const read = cached(raw ? rawObjects : objects, message, () =>
    reader<ExactValues>(message, '{}', 'out', (signal) =>
      assignment(signal, expression(signal, raw)),
    ),
  )
  return read(data, start, length, tally)
}

/**
 * The same as the text of a JSON object. Integers beyond 2^53, NaN and infinities are strings, since
 * JSON has no way to write them that every reader takes.
 */
export function decodeToJson(
  message: DbcMessage,
  data: Uint8Array,
  raw: boolean,
  start = 0,
  length = data.length - start,
  tally: Tally = { short: 0 },
): string {
  const read = cached(raw ? rawTexts : texts, message, () =>
    reader<string>(message, "''", "'{' + out.slice(1) + '}'", (signal) => {
      const value = expression(signal, raw)
      const text = alwaysPlain(signal, raw) ? `(${value})` : `json(${value})`
      return `out += ${JSON.stringify(`,${JSON.stringify(signal.name)}:`)} + ${text}`
    }),
  )
  return read(data, start, length, tally)
}

type Read<T> = (data: Uint8Array, start: number, n: number, tally: Tally) => T
type Cache<T> = WeakMap<DbcMessage, Read<T>>

/** Readers made so far; a message is compiled when it is first decoded. */
const objects: Cache<ExactValues> = new WeakMap()
const rawObjects: Cache<ExactValues> = new WeakMap()
const texts: Cache<string> = new WeakMap()
const rawTexts: Cache<string> = new WeakMap()

function cached<T>(cache: Cache<T>, message: DbcMessage, make: () => Read<T>): Read<T> {
  let read = cache.get(message)
  if (!read) cache.set(message, (read = make()))
  return read
}

function reader<T>(
  message: DbcMessage,
  empty: string,
  result: string,
  store: Emitter['store'],
): Read<T> {
  const emitter: Emitter = { load: (i) => `d[o + ${i}]`, store }
  return compile<Read<T>>(
    ['d', 'o', 'n', 'tally'],
    `let out = ${empty}
if (n >= ${bytesForAll(message)}) {
${generate(message, emitter, false)}} else {
let missing = 0
${generate(message, emitter, true)}if (missing > 0) tally.short++
}
return ${result}
`,
  )
}

function expression(signal: DbcSignal, raw: boolean): string {
  return raw ? rawExact(signal) : scaledExact(signal)
}

function assignment(signal: DbcSignal, value: string): string {
  const name = JSON.stringify(signal.name)
  // The one name that an assignment would not store.
  if (signal.name === '__proto__') {
    return `Object.defineProperty(out, ${name}, { value: ${value}, enumerable: true })`
  }
  return `out[${name}] = ${value}`
}

/** Can its value never be a bigint, NaN or infinite? */
function alwaysPlain(signal: DbcSignal, raw: boolean): boolean {
  if (signal.float || signal.bitLength > 32) return false
  return raw || (Math.abs(signal.factor) < 1e6 && Math.abs(signal.offset) < 1e15)
}
