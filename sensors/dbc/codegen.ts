import type { DbcMessage, DbcSignal, MuxRange } from './database.ts'
import { byteName, half, json, numberExpression, shrink } from './expression.ts'
import { bytesNeeded, layoutOf } from './layout.ts'

/** What a kind of generated decoder does with a signal. */
export interface Emitter {
  /** The expression of payload byte `i`. */
  load(i: number): string
  /** The statement that hands the signal's value on. `index` counts in `DbcMessage.signals`. */
  store(signal: DbcSignal, index: number): string
}

/** Shared scratch for floats: decoding is synchronous and never nested. */
const view = new DataView(new ArrayBuffer(8))

/**
 * Straight-line code that reads every signal of a message: each byte is loaded once per branch,
 * multiplexers become `switch`, or `if` where their values overlap.
 *
 * With `guarded`, each signal is read only if the payload of `n` bytes holds it, and `missing`
 * counts those that are due but are not there. Without, the caller has made sure that the payload
 * holds all of them.
 */
export function generate(message: DbcMessage, emitter: Emitter, guarded: boolean): string {
  const index = new Map(message.signals.map((signal, i) => [signal, i]))
  const children = new Map<DbcSignal | undefined, DbcSignal[]>()
  for (const signal of message.signals) {
    const parent = signal.mux?.multiplexer
    const siblings = children.get(parent)
    if (siblings) siblings.push(signal)
    else children.set(parent, [signal])
  }

  const block = (signals: readonly DbcSignal[], outer: ReadonlySet<number>): string => {
    const loaded = new Set(outer)
    return signals.map((signal) => one(signal, guarded ? new Set(outer) : loaded)).join('')
  }

  const one = (signal: DbcSignal, loaded: Set<number>): string => {
    let code = ''
    for (const byte of layoutOf(signal).bytes) {
      if (loaded.has(byte)) continue
      loaded.add(byte)
      code += `const ${byteName(byte)} = ${emitter.load(byte)}\n`
    }
    const at = index.get(signal)!
    code += `${emitter.store(signal, at)}\n`
    const below = children.get(signal)
    if (below)
      code += `const m${at} = ${numberExpression(signal)}\n${branches(`m${at}`, below, loaded)}`
    if (!guarded) return code
    return `if (n >= ${bytesNeeded(signal)}) {\n${code}} else missing++\n`
  }

  const branches = (
    mux: string,
    signals: readonly DbcSignal[],
    loaded: ReadonlySet<number>,
  ): string => {
    const groups = new Map<string, { ranges: readonly MuxRange[]; signals: DbcSignal[] }>()
    for (const signal of signals) {
      const { ranges } = signal.mux!
      const key = ranges.map(({ from, to }) => `${from}-${to}`).join()
      const group = groups.get(key)
      if (group) group.signals.push(signal)
      else groups.set(key, { ranges, signals: [signal] })
    }
    const found = [...groups.values()]
    if (asSwitch(found.map((group) => group.ranges))) {
      const cases = found.map(({ ranges, signals }) => {
        const labels = values(ranges).map((value) => `case ${value}:`)
        return `${labels.join(' ')} {\n${block(signals, loaded)}break\n}\n`
      })
      return `switch (${mux}) {\n${cases.join('')}}\n`
    }
    const ifs = found.map(({ ranges, signals }) => {
      const tests = ranges.map(({ from, to }) =>
        from === to ? `${mux} === ${from}` : `${mux} >= ${from} && ${mux} <= ${to}`,
      )
      return `if (${tests.join(' || ')}) {\n${block(signals, loaded)}}\n`
    })
    return ifs.join('')
  }

  return block(children.get(undefined) ?? [], new Set())
}

/** Values listed as cases before ranges are tested by comparison instead. */
const MAX_CASES = 1024

/** A switch needs each value in one group only, and not too many of them. */
function asSwitch(groups: readonly (readonly MuxRange[])[]): boolean {
  const seen = new Set<number>()
  let total = 0
  for (const ranges of groups) {
    for (const { from, to } of ranges) total += to - from + 1
    if (total > MAX_CASES) return false
    for (const value of values(ranges)) {
      if (seen.has(value)) return false
      seen.add(value)
    }
  }
  return true
}

function values(ranges: readonly MuxRange[]): number[] {
  return ranges.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => from + i))
}

/** Payload bytes that hold every signal of the message, whatever its multiplexers say. */
export function bytesForAll(message: DbcMessage): number {
  return message.signals.reduce((most, signal) => Math.max(most, bytesNeeded(signal)), 0)
}

/** Makes a function of generated code. `half`, `json`, `shrink` and `view` are in its scope. */
export function compile<F>(parameters: readonly string[], body: string): F {
  const make = new Function(
    'half',
    'json',
    'shrink',
    'view',
    `"use strict"\nreturn (${parameters.join(', ')}) => {\n${body}}`,
  )
  return make(half, json, shrink, view) as F
}
