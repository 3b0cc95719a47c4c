import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { DatabaseSet } from '../../../sensors/dbc/database-set.ts'
import { Decoder } from '../../../sensors/dbc/decoder.ts'
import { decodeMessage, decodeToJson, type ExactValues } from '../../../sensors/dbc/exact.ts'
import { parseDbc } from '../../../sensors/dbc/parse.ts'
import { FRAME_EXT, FRAME_STRIDE, FrameBatch } from '../../../sensors/frame.ts'
import { ReadingBatch, SignalCatalog } from '../../../sensors/reading.ts'
import { ownCases, sharedCases, type Vector } from './vectors.ts'

for (const { name, file, vectors } of [...ownCases(), ...sharedCases()]) {
  const set = new DatabaseSet([parseDbc(readFileSync(file), file)])

  test(`${name}: the exact path gives what cantools gives (${vectors.length} payloads)`, () => {
    for (const vector of vectors) {
      const message = set.find(vector.id, vector.ext)
      assert.equal(message?.name, vector.name)
      const data = Buffer.from(vector.data, 'hex')
      agree(decodeMessage(message!, data, true), vector.raw, 0)
      agree(decodeMessage(message!, data, false), vector.phys, 1e-12)
      for (const [raw, values] of [[true, vector.raw] as const, [false, vector.phys] as const]) {
        agree(JSON.parse(decodeToJson(message!, data, raw)), values, 1e-12)
      }
    }
  })

  test(`${name}: the hot path gives what the exact path gives`, () => {
    const catalog = new SignalCatalog()
    const decoder = new Decoder([set], catalog)
    for (const vector of vectors) {
      const message = set.find(vector.id, vector.ext)!
      const exact = decodeMessage(message, Buffer.from(vector.data, 'hex'), false)
      const hot = hotValues(decoder, catalog, vector)
      assert.deepEqual(Object.keys(hot).sort(), Object.keys(exact).sort())
      for (const [signal, value] of Object.entries(exact)) {
        close(hot[signal], Number(value), 1e-12, `${message.name}.${signal} of ${vector.data}`)
      }
    }
    assert.equal(decoder.decoded, vectors.length)
    assert.equal(decoder.unknown + decoder.short + decoder.skipped, 0)
  })
}

/** Values that the hot path gives for one frame, by the signal's own name. */
function hotValues(
  decoder: Decoder,
  catalog: SignalCatalog,
  vector: Vector,
): Record<string, number> {
  const frames = new FrameBatch(1)
  const data = Buffer.from(vector.data, 'hex')
  // Bytes past the payload are left over from other frames: none of them may be seen.
  frames.data.fill(0xa5)
  frames.data.set(data.subarray(0, FRAME_STRIDE))
  frames.length[0] = data.length
  frames.id[0] = vector.id
  frames.flags[0] = vector.ext ? FRAME_EXT : 0
  frames.timeUs[0] = 1_700_000_000_123_456
  frames.count = 1
  const out = new ReadingBatch()
  decoder.decode(frames, out, () => assert.fail('the batch has room'))
  const values: Record<string, number> = {}
  for (let i = 0; i < out.count; i++) {
    assert.equal(out.timeUs[i], 1_700_000_000_123_456)
    const { name } = catalog.at(out.signal[i])
    assert.ok(name.startsWith(`${vector.name}.`))
    values[name.slice(vector.name.length + 1)] = out.value[i]
  }
  return values
}

/** Compares values of ours with the oracle's: the same signals, integers alike to the last digit. */
function agree(
  ours: ExactValues | Record<string, number | string>,
  theirs: Readonly<Record<string, number | string>>,
  tolerance: number,
): void {
  assert.deepEqual(Object.keys(ours).sort(), Object.keys(theirs).sort())
  for (const [signal, expected] of Object.entries(theirs)) {
    const value = ours[signal]
    if (typeof expected === 'string') assert.equal(String(value), expected, signal)
    else close(Number(value), expected, tolerance, signal)
  }
}

function close(value: number, expected: number, tolerance: number, what: string): void {
  if (Object.is(value, expected) || value === expected) return
  const error = Math.abs(value - expected) / Math.abs(expected)
  assert.ok(error <= tolerance, `${what}: ${value} instead of ${expected}`)
}
