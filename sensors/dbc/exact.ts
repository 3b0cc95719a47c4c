import { bytesForAll, compile, type Emitter, generate } from './codegen.ts'
import type { DbcMessage, DbcSignal } from './database.ts'
import { rawExact, scaledExact } from './expression.ts'

/** Value of a signal: a bigint only for an integer beyond 2^53. Floats may be NaN or infinite. */
export type ExactValue = number | bigint

/** Values by signal name; signals of inactive branches and those the payload is too short for are absent. */
export type ExactValues = Record<string, ExactValue>

type Read = (data: Uint8Array, start: number, n: number) => ExactValues

/** Decoders made so far, scaled and raw; a message is compiled when first decoded. */
const readers: [scaled: WeakMap<DbcMessage, Read>, raw: WeakMap<DbcMessage, Read>] = [
  new WeakMap(),
  new WeakMap(),
]

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
): ExactValues {
  const known = readers[raw ? 1 : 0]
  let read = known.get(message)
  if (!read) known.set(message, (read = reader(message, raw)))
  return read(data, start, length)
}

function reader(message: DbcMessage, raw: boolean): Read {
  const emitter: Emitter = {
    load: (i) => `d[o + ${i}]`,
    store: (signal) => assignment(signal, raw ? rawExact(signal) : scaledExact(signal)),
  }
  return compile<Read>(
    ['d', 'o', 'n'],
    `const out = {}
if (n >= ${bytesForAll(message)}) {
${generate(message, emitter, false)}} else {
let missing = 0
${generate(message, emitter, true)}}
return out
`,
  )
}

function assignment(signal: DbcSignal, value: string): string {
  const name = JSON.stringify(signal.name)
  // The one name that an assignment would not store.
  if (signal.name === '__proto__') {
    return `Object.defineProperty(out, ${name}, { value: ${value}, enumerable: true })`
  }
  return `out[${name}] = ${value}`
}
