// Seeded: a run that fails prints its seed and path. In full by `npm run test:fuzz`.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { DatabaseSet } from '../../../sensors/dbc/database-set.ts'
import { DbcError } from '../../../sensors/dbc/dbc-error.ts'
import { Decoder } from '../../../sensors/dbc/decoder.ts'
import { decodeMessage, decodeToJson } from '../../../sensors/dbc/exact.ts'
import { bytesNeeded } from '../../../sensors/dbc/layout.ts'
import { parseDbc } from '../../../sensors/dbc/parse.ts'
import { FRAME_STRIDE, FrameBatch } from '../../../sensors/frame.ts'
import { ReadingBatch, SignalCatalog } from '../../../sensors/reading.ts'
import { SEED, tries } from '../../support/fuzz.ts'
import { casePath, ownCases } from './vectors.ts'

/** Frames decoded by one try. */
const FRAMES = 64
const texts = ownCases().map(({ file }) => readFileSync(file, 'latin1'))
const sets = ownCases().map(({ file }) => new DatabaseSet([parseDbc(readFileSync(file), file)]))

test('random frames never crash, and no value comes from a frame too short to hold it', () => {
  const kinds = sets.flatMap((set, bus) => set.messages.map((message) => ({ message, bus })))
  const catalog = new SignalCatalog()
  const decoder = new Decoder(sets, catalog)
  const random = fc.record({
    kind: fc.integer({ min: 0, max: kinds.length - 1 }),
    data: fc.uint8Array({ maxLength: 64, size: 'max' }),
    flags: fc.integer({ min: 0, max: 63 }),
    stray: fc.boolean(),
  })
  let seen = 0
  fc.assert(
    fc.property(fc.array(random, { minLength: FRAMES, maxLength: FRAMES, size: 'max' }), (list) => {
      const frames = new FrameBatch(FRAMES)
      frames.data.fill(0xff)
      for (const { kind, data, flags, stray } of list) {
        const { message, bus } = kinds[kind]
        const i = frames.count++
        frames.id[i] = stray ? (message.id * 7 + 1) & 0x7ff : message.id
        frames.flags[i] = stray ? flags & 0x3e : message.ext ? 1 : 0
        frames.bus[i] = bus
        // The frame's index is its time, so that a reading tells where it is from.
        frames.timeUs[i] = i
        frames.length[i] = data.length
        frames.data.set(data, i * FRAME_STRIDE)
      }
      const out = new ReadingBatch()
      decoder.decode(frames, out, () => assert.fail('the batch has room'))
      for (let r = 0; r < out.count; r++) {
        const i = out.timeUs[r]
        const message = sets[frames.bus[i]].find(frames.id[i], (frames.flags[i] & 1) !== 0)!
        const length = frames.length[i]
        const name = catalog.at(out.signal[r]).name.slice(message.name.length + 1)
        const fits = message.signals.some((s) => s.name === name && bytesNeeded(s) <= length)
        assert.ok(fits, `${message.name}.${name} of ${length} bytes`)
        const exact = decodeMessage(message, frames.data, false, i * FRAME_STRIDE, length)
        const [ours, theirs] = [out.value[r], Number(exact[name])]
        const close = Math.abs(ours - theirs) <= 1e-12 * Math.abs(theirs)
        assert.ok(close || Object.is(ours, theirs), `${name}: ${ours} and ${theirs}`)
        seen++
      }
    }),
    { seed: SEED, numRuns: tries(750, 15_625) },
  )
  assert.ok(seen > 10_000, `only ${seen} readings were looked at`)
})

/** Numbers that a mutation puts in the place of another. */
const NUMBERS = ['0', '1', '2', '7', '8', '16', '33', '63', '64', '2000', '65536', '4294967296']

/** Pieces that a mutation puts into a file: what the grammar is made of. */
const PIECES = [
  '"', '\\"', ';', ':', '|', '@', '-', '+', '(', ')', '[', ']', ',', '\n', '//', '\0', 'é', ' ',
  '0', '1', '64', '-1', '1785', '4294967295', '99999999999999999999', '1e308', '1e999', '0.1', 'M',
  'm0', 'm0M', 'm4294967295', 'BO_ ', 'SG_ ', 'SG_MUL_VAL_ 500 Unit Group 0-4294967295;\n',
  'SIG_VALTYPE_ ', 'VAL_ ', 'BA_ ', 'NS_ :', 'CM_ "', '__proto__', 'constructor',
] // biome-ignore format: a table

test('mutated DBC files are parsed or refused with file and line, and what is parsed decodes', () => {
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.integer({ min: 0, max: 40 }),
    piece: fc.constantFrom(...PIECES, ''),
    kind: fc.constantFrom('replace', 'repeat', 'number', 'number', 'number'),
    number: fc.constantFrom(...NUMBERS),
  })
  const counts = { parsed: 0, refused: 0 }
  fc.assert(
    fc.property(
      fc.constantFrom(...texts),
      fc.array(edit, { minLength: 1, maxLength: 3 }),
      fc.uint8Array({ maxLength: 64 }),
      (original, edits, data) => {
        let text = original
        for (const { at, cut, piece, kind, number } of edits) {
          const from = Math.floor(at * text.length)
          if (kind === 'number') {
            text = text.slice(0, from) + text.slice(from).replace(/\d+/, number)
            continue
          }
          const rest = text.slice(kind === 'repeat' ? Math.max(0, from - cut) : from + cut)
          text = text.slice(0, from) + piece + rest
        }
        try {
          decodeAll(text, data)
          counts.parsed++
        } catch (error) {
          assert.ok(error instanceof DbcError, String((error as Error).stack))
          assert.ok(error.message.startsWith(`mutated.dbc:${error.line}: `))
          assert.ok(error.line >= 1 && error.line <= text.split('\n').length)
          assert.ok(error.hint)
          counts.refused++
        }
      },
    ),
    { seed: SEED, numRuns: tries(2000, 10_000) },
  )
  // Were all refused, the decoding of mutated files would not have been tried at all.
  assert.ok(counts.parsed > 100 && counts.refused > 100, JSON.stringify(counts))
})

test('random bytes in place of a DBC file are refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      try {
        parseDbc(bytes, 'mutated.dbc')
      } catch (error) {
        assert.ok(error instanceof DbcError, String(error))
      }
    }),
    { seed: SEED, numRuns: tries(1000, 10_000) },
  )
})

test('a broken file cut anywhere is parsed or refused', () => {
  const folder = casePath('broken/')
  assert.ok(existsSync(folder))
  for (const name of readdirSync(folder)) {
    const text = readFileSync(`${folder}/${name}`, 'latin1')
    for (let end = 0; end < text.length; end += 7) {
      try {
        decodeAll(text.slice(0, end), new Uint8Array(8))
      } catch (error) {
        assert.ok(error instanceof DbcError, String(error))
      }
    }
  }
})

function decodeAll(text: string, data: Uint8Array): void {
  const database = parseDbc(text, 'mutated.dbc')
  const set = new DatabaseSet([database])
  const decoder = new Decoder([set], new SignalCatalog())
  const frames = new FrameBatch(1)
  frames.data.set(data)
  frames.length[0] = data.length
  frames.count = 1
  for (const message of set.messages) {
    frames.id[0] = message.id
    frames.flags[0] = message.ext ? 1 : 0
    decoder.decode(frames, new ReadingBatch(), () => assert.fail('the batch has room'))
    for (const raw of [true, false]) {
      const names = Object.keys(decodeMessage(message, data, raw))
      assert.deepEqual(
        Object.keys(JSON.parse(decodeToJson(message, data, raw))).sort(),
        names.sort(),
      )
    }
  }
}
