import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DatabaseSet } from '../../../sensors/dbc/database-set.ts'
import { Decoder } from '../../../sensors/dbc/decoder.ts'
import { ERROR, NOT_AVAILABLE, OUT_OF_RANGE } from '../../../sensors/dbc/no-value.ts'
import { parseDbc } from '../../../sensors/dbc/parse.ts'
import { FRAME_EXT, FrameBatch } from '../../../sensors/frame.ts'
import { meaningOf } from '../../../sensors/j1939/patterns.ts'
import { ReadingBatch, SignalCatalog } from '../../../sensors/reading.ts'

const J1939 = `BU_: E
BO_ 2364540158 EEC1: 8 E
 SG_ Speed : 24|16@1+ (0.125,0) [0|0] "rpm" E
 SG_ Torque : 16|8@1+ (1,-125) [-125|125] "%" E
 SG_ Switch : 0|2@1+ (1,0) [0|3] "" E
 SG_ Bit : 2|1@1+ (1,0) [0|1] "" E
 SG_ Signed : 40|8@1- (1,0) [0|0] "" E
BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG";
BA_DEF_DEF_ "VFrameFormat" "J1939PG";
`
const PLAIN = `BU_: E
BO_ 100 Box: 8 E
 SG_ Narrow : 0|8@1+ (0.5,10) [20|100] "V" E
 SG_ Falling : 8|8@1- (-1,0) [-100|100] "" E
 SG_ Whole : 16|8@1+ (1,0) [0|255] "" E
 SG_ Open : 24|8@1+ (1,0) [0|0] "" E
 SG_ Real : 32|32@1- (1,0) [-1|0.1] "" E
SIG_VALTYPE_ 100 Real : 1;
`

function decode(text: string, id: number, ext: boolean, data: Uint8Array, noValues?: 'drop') {
  const catalog = new SignalCatalog()
  const set = new DatabaseSet([parseDbc(text, 'a.dbc')])
  const decoder = new Decoder([set], catalog, { noValues: () => noValues ?? 'keep' })
  const frames = new FrameBatch(1)
  frames.count = 1
  frames.id[0] = id
  frames.flags[0] = ext ? FRAME_EXT : 0
  frames.length[0] = data.length
  frames.data.set(data)
  const out = new ReadingBatch()
  decoder.decode(frames, out, () => assert.fail('full'))
  const values = Array.from({ length: out.count }, (_, i): [string, number] => [
    catalog.at(out.signal[i]).name.split('.')[1],
    out.value[i],
  ])
  return { values: Object.fromEntries(values), marks: [...decoder.marks] }
}

const EEC1 = 0x0cf00400

test('"not available" of J1939 becomes no reading, and is counted by its kind', () => {
  const all = new Uint8Array(8).fill(0xff)
  const { values, marks } = decode(J1939, EEC1, true, all, 'drop')
  assert.deepEqual(values, { Bit: 1, Signed: -1 })
  assert.equal(marks[NOT_AVAILABLE], 3)
  assert.deepEqual(Object.keys(decode(J1939, EEC1, true, all).values).length, 5)
  const error = Uint8Array.of(0x02, 0, 0xfe, 0x00, 0xfe, 0, 0, 0)
  const failed = decode(J1939, EEC1, true, error, 'drop')
  assert.deepEqual(failed.values, { Bit: 0, Signed: 0 })
  assert.equal(failed.marks[ERROR], 3)
})

test('every number of J1939 is a value exactly where the standard says so', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff }), (raw) => {
      const data = Uint8Array.of(0, 0, 0, raw & 0xff, raw >> 8, 0, 0, 0)
      const { values, marks } = decode(J1939, EEC1, true, data, 'drop')
      const meaning = meaningOf(raw, 16)
      assert.equal(values.Speed, meaning === 'value' ? raw * 0.125 : undefined)
      const place = { 'not available': NOT_AVAILABLE, error: ERROR, reserved: OUT_OF_RANGE }
      if (meaning !== 'value') assert.equal(marks[place[meaning]], 1)
      assert.equal(
        marks.reduce((a, b) => a + b),
        meaning === 'value' ? 0 : 1,
      )
    }),
    { numRuns: 400 },
  )
})

test('outside the range that the file states: no reading; its limits are inside', () => {
  const real = (value: number): number[] => [...new Uint8Array(Float32Array.of(value).buffer)]
  const box = (narrow: number, falling: number, value: number) =>
    decode(PLAIN, 100, false, Uint8Array.of(narrow, falling, 255, 255, ...real(value)), 'drop')
  const inside = box(20, 100, 0.1)
  assert.deepEqual(Object.keys(inside.values), ['Narrow', 'Falling', 'Whole', 'Open', 'Real'])
  assert.equal(inside.values.Narrow, 20)
  assert.equal(box(180, 156, -1).values.Narrow, 100)
  for (const outside of [box(19, 101, 0.2), box(181, 155, -1.5), box(255, 0x80, Number.NaN)]) {
    assert.deepEqual(outside.values, { Whole: 255, Open: 255 })
    assert.equal(outside.marks[OUT_OF_RANGE], 3)
  }
})
