import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DatabaseSet, pgnOf } from '../../../sensors/dbc/database-set.ts'
import { Decoder } from '../../../sensors/dbc/decoder.ts'
import { decodeMessage, decodeToJson } from '../../../sensors/dbc/exact.ts'
import { loadDbc, parseDbc } from '../../../sensors/dbc/parse.ts'
import {
  FRAME_ERR,
  FRAME_EXT,
  FRAME_RTR,
  FRAME_STRIDE,
  FrameBatch,
} from '../../../sensors/frame.ts'
import { ReadingBatch, SignalCatalog } from '../../../sensors/reading.ts'
import { casePath } from './vectors.ts'

const ENGINE = `BO_ 291 Engine: 8 A
 SG_ Speed : 0|16@1+ (0.5,0) [0|0] "rpm" A
 SG_ Torque : 39|16@0- (1,0) [0|0] "Nm" A
 SG_ Load : 56|8@1+ (1,0) [0|0] "%" A
`

const noRoom = (): never => assert.fail('the batch has room')

function frame(batch: FrameBatch, id: number, data: readonly number[], flags = 0, bus = 0): void {
  const i = batch.count++
  batch.id[i] = id
  batch.flags[i] = flags
  batch.bus[i] = bus
  batch.timeUs[i] = 1000 + i
  batch.length[i] = data.length
  batch.data.set(data, i * FRAME_STRIDE)
}

function readings(out: ReadingBatch, catalog: SignalCatalog): [string, number, number][] {
  return Array.from({ length: out.count }, (_, i) => [
    catalog.at(out.signal[i]).name,
    out.value[i],
    out.timeUs[i],
  ])
}

test('readings carry the name, the value and the time of their frame', () => {
  const catalog = new SignalCatalog()
  const decoder = new Decoder([new DatabaseSet([parseDbc(ENGINE, 'a.dbc')])], catalog)
  assert.equal(catalog.find('Engine.Speed')?.unit, 'rpm')
  const frames = new FrameBatch()
  frame(frames, 291, [4, 1, 0, 0, 0xff, 0xfe, 0, 50])
  const out = new ReadingBatch()
  decoder.decode(frames, out, noRoom)
  assert.deepEqual(readings(out, catalog), [
    ['Engine.Speed', 130, 1000],
    ['Engine.Torque', -2, 1000],
    ['Engine.Load', 50, 1000],
  ])
})

test('a frame too short for a signal gives the others and is counted', () => {
  const catalog = new SignalCatalog()
  const decoder = new Decoder([new DatabaseSet([parseDbc(ENGINE, 'a.dbc')])], catalog)
  const frames = new FrameBatch()
  frames.data.fill(0xaa)
  frame(frames, 291, [4, 1, 0, 0, 0xff])
  frame(frames, 291, [4])
  frame(frames, 291, [])
  const out = new ReadingBatch()
  decoder.decode(frames, out, noRoom)
  assert.deepEqual(readings(out, catalog), [['Engine.Speed', 130, 1000]])
  assert.deepEqual([decoder.short, decoder.decoded], [3, 3])
})

test('a branch that is not active cannot be missing', async () => {
  const set = new DatabaseSet([await loadDbc(casePath('mux/mux.dbc'))])
  const decoder = new Decoder([set], new SignalCatalog())
  const frames = new FrameBatch()
  frame(frames, 352, [0x70, 1, 2, 3, 4], FRAME_EXT)
  frame(frames, 352, [0x7f, 1, 2, 3, 4], FRAME_EXT)
  const out = new ReadingBatch()
  decoder.decode(frames, out, noRoom)
  assert.equal(decoder.short, 1)
  assert.equal(out.count, 4 + 2)
})

test('unknown, error and remote frames and frames of a bus without files are counted', () => {
  const decoder = new Decoder(
    [new DatabaseSet([parseDbc(ENGINE, 'a.dbc')]), undefined],
    new SignalCatalog(),
  )
  const frames = new FrameBatch()
  frame(frames, 291, [1, 2, 3, 4, 5, 6, 7, 8], FRAME_ERR)
  frame(frames, 291, [1, 2, 3, 4, 5, 6, 7, 8], FRAME_RTR)
  frame(frames, 291, [1, 2, 3, 4, 5, 6, 7, 8], FRAME_EXT)
  frame(frames, 292, [1])
  frame(frames, 291, [1, 2, 3, 4, 5, 6, 7, 8], 0, 1)
  frame(frames, 291, [1, 2, 3, 4, 5, 6, 7, 8], 0, 200)
  const out = new ReadingBatch()
  decoder.decode(frames, out, noRoom)
  assert.deepEqual([decoder.skipped, decoder.unknown, decoder.decoded], [2, 4, 0])
  assert.equal(out.count, 0)
})

test('a full batch is handed over and filled again, no reading is lost', () => {
  const catalog = new SignalCatalog()
  const decoder = new Decoder([new DatabaseSet([parseDbc(ENGINE, 'a.dbc')])], catalog)
  const frames = new FrameBatch()
  for (let i = 0; i < 100; i++) frame(frames, 291, [i, 0, 0, 0, 0, i, 0, i])
  const out = new ReadingBatch(10)
  const seen: [string, number, number][] = []
  decoder.decode(frames, out, (batch) => seen.push(...readings(batch, catalog)))
  seen.push(...readings(out, catalog))
  assert.equal(seen.length, 300)
  for (const [k, [, value, timeUs]] of seen.entries()) {
    const i = Math.floor(k / 3)
    assert.equal(timeUs, 1000 + i)
    assert.equal(value, k % 3 === 0 ? i / 2 : i)
  }
  assert.throws(() => decoder.decode(frames, new ReadingBatch(2), noRoom), RangeError)
})

test('the names map gives names and units; the rest keep theirs', () => {
  const catalog = new SignalCatalog()
  new Decoder([new DatabaseSet([parseDbc(ENGINE, 'a.dbc')])], catalog, {
    names: (message, signal) =>
      `${message}.${signal}` === 'Engine.Load'
        ? { name: 'Vehicle.Load', unit: 'percent' }
        : undefined,
  })
  assert.deepEqual(
    catalog.all().map(({ name, unit }) => `${name} ${unit}`),
    ['Engine.Speed rpm', 'Engine.Torque Nm', 'Vehicle.Load percent'],
  )
})

test('where files disagree about an identifier the first is used and the conflict is listed', () => {
  const first = parseDbc(ENGINE, 'a.dbc')
  const second = parseDbc(`\n${ENGINE.replace('Engine', 'Motor')}BO_ 292 More: 1 A\n`, 'b.dbc')
  const set = new DatabaseSet([first, second])
  assert.equal(set.find(291, false)?.name, 'Engine')
  assert.equal(set.find(292, false)?.name, 'More')
  assert.deepEqual(
    set.conflicts.map(({ used, ignored }) => [used.file, used.line, ignored.file, ignored.line]),
    [['a.dbc', 1, 'b.dbc', 2]],
  )
  assert.deepEqual(new DatabaseSet([first, parseDbc(ENGINE, 'c.dbc')]).conflicts, [])
  const twice = parseDbc(`${ENGINE}${ENGINE.replace('Engine', 'Later')}`, 'd.dbc')
  assert.equal(new DatabaseSet([twice]).find(291, false)?.name, 'Later')
  assert.equal(new DatabaseSet([twice]).conflicts.length, 1)
})

test('J1939 messages are found by parameter group, whoever sends them', async () => {
  const set = new DatabaseSet([await loadDbc(casePath('j1939/j1939.dbc'))])
  const name = (id: number) => set.find(id, true)?.name
  assert.equal(pgnOf(0x0cf004fe), 0xf004)
  assert.equal(name(0x0cf004fe), 'EEC1')
  assert.equal(name(0x18f00403), 'EEC1', 'another priority and source address')
  assert.equal(name(0x0c000021), 'TSC1', 'PDU1: to another destination')
  assert.equal(name(0x0c00ff21), 'TSC1')
  assert.equal(name(0x18fef100), 'Exact', 'a message of that very identifier goes first')
  assert.equal(name(0x18fef121), 'CCVS1')
  assert.equal(name(0x18fef221), undefined)
  assert.equal(set.find(0x4fe, false), undefined)
})

test('NaN and infinities are values of the exact path and strings in JSON', async () => {
  const [message] = (await loadDbc(casePath('floats/floats.dbc'))).messages
  const data = new Uint8Array(12)
  const view = new DataView(data.buffer)
  view.setFloat32(0, Number.NEGATIVE_INFINITY, true)
  view.setFloat64(4, Number.NaN, true)
  assert.deepEqual(decodeMessage(message, data, false), {
    Single: Number.NEGATIVE_INFINITY,
    Double: Number.NaN,
  })
  assert.equal(decodeToJson(message, data, true), '{"Single":"-Infinity","Double":"NaN"}')
})

test('integers beyond 2^53 stay exact, scaled ones too', () => {
  const text = 'BO_ 1 M: 8 A\n SG_ S : 0|64@1+ (3,-1) [0|0] "" A\n'
  const [message] = parseDbc(text, 'a.dbc').messages
  const ones = new Uint8Array(8).fill(0xff)
  assert.deepEqual(decodeMessage(message, ones, true), { S: 2n ** 64n - 1n })
  assert.deepEqual(decodeMessage(message, ones, false), { S: 3n * (2n ** 64n - 1n) - 1n })
  assert.equal(decodeToJson(message, ones, false), '{"S":"55340232221128654844"}')
  assert.deepEqual(decodeMessage(message, new Uint8Array(8), false), { S: -1 })
})

test('a signal may have any name', () => {
  const text =
    'BO_ 1 M: 8 A\n SG_ __proto__ : 0|8@1+ (1,0) [0|0] "" A\n SG_ constructor : 8|8@1+ (1,0) [0|0] "" A\n'
  const [message] = parseDbc(text, 'a.dbc').messages
  const values = decodeMessage(message, new Uint8Array([7, 8]), true)
  assert.deepEqual(Object.entries(values), [
    ['__proto__', 7],
    ['constructor', 8],
  ])
})
