import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DatabaseSet } from '../../sensors/dbc/database-set.ts'
import { Decoder } from '../../sensors/dbc/decoder.ts'
import { parseDbc } from '../../sensors/dbc/parse.ts'
import { FrameBatch } from '../../sensors/frame.ts'
import { AddedNames, FieldReader, MAX_NAMES } from '../../sensors/lines/fields.ts'
import { mqttConfig } from '../../sensors/mqtt/config.ts'
import { MessageReader } from '../../sensors/mqtt/payload.ts'
import { MAX_SIGNALS, REFUSED, ReadingBatch, SignalCatalog } from '../../sensors/reading.ts'
import { HandClock, Recorder } from './recorder.ts'

const config = {
  fields: { door: { unit: '', scale: 1, offset: 0 } },
  prefix: '',
  others: 'take',
} as const

function fill(catalog: SignalCatalog): void {
  while (catalog.size < MAX_SIGNALS) catalog.intern(`n${catalog.size}`)
}

test('a sensor adds no more names however often it is opened', () => {
  const recorder = new Recorder(new HandClock())
  const added = new AddedNames()
  let taken = 0
  for (let run = 0; run < 3; run++) {
    const reader = new FieldReader(config, recorder, added)
    for (let i = 0; i < MAX_NAMES; i++) if (reader.take(`r${run}k${i}`, 1, 1)) taken++
    reader.flush()
  }
  assert.equal(taken, MAX_NAMES)
  assert.equal(recorder.catalog.size, MAX_NAMES)
  const reader = new FieldReader(config, recorder, added)
  assert.ok(reader.take('r0k0', 1, 1), 'what it knows goes on')
  assert.ok(reader.take('door', 1, 1), 'what the config names is not crowded out')
})

test('all topics of an MQTT sensor share its bound', () => {
  const recorder = new Recorder(new HandClock())
  const filters = ['a', 'b', 'c'].map((topic) => ({ topic: `${topic}/+` }))
  const { topics } = mqttConfig.parse({ url: 'mqtt://host', topics: filters })
  const reader = new MessageReader(topics, 1024, recorder, new AddedNames())
  let bad = 0
  for (const level of ['a', 'b', 'c'])
    for (let i = 0; i < MAX_NAMES; i++) {
      const message = { topic: `${level}/${i}`, payload: Buffer.from('1'), retained: false }
      if (reader.take(message, 1) === 'bad') bad++
    }
  assert.equal(recorder.catalog.size, MAX_NAMES)
  assert.equal(bad, 2 * MAX_NAMES)
})

test('a full catalog refuses, counts, and keeps what it has', () => {
  const catalog = new SignalCatalog()
  fill(catalog)
  assert.equal(catalog.intern('one.more'), REFUSED)
  assert.equal(catalog.intern('n7').index, 7)
  assert.equal(catalog.size, MAX_SIGNALS)
  assert.equal(catalog.refused, 1)
  assert.equal(catalog.at(REFUSED.index), REFUSED)
  const batch = new ReadingBatch(4)
  batch.push(catalog.intern('another').index, 1, 1)
  batch.push(7, 2, 1)
  assert.deepEqual([batch.count, batch.signal[0], batch.value[0]], [1, 7, 2])
})

test('a full catalog crashes no sensor: what has no name is a bad line', () => {
  const recorder = new Recorder(new HandClock())
  fill(recorder.catalog)
  const reader = new FieldReader(config, recorder, new AddedNames())
  assert.equal(reader.take('door', 1, 1), false)
  assert.equal(reader.take('n7', 1, 1), true)
  reader.flush()
  assert.deepEqual(recorder.told, [{ name: 'n7', value: 1, timeUs: 1 }])
})

test('a full catalog crashes no decoder: the signals that have a name go on', () => {
  const catalog = new SignalCatalog()
  catalog.intern('M.B')
  fill(catalog)
  const text = 'BO_ 1 M: 8 X\n SG_ A : 0|8@1+ (1,0) [0|0] "" X\n SG_ B : 8|8@1+ (1,0) [0|0] "" X\n'
  for (const kind of ['keep', 'drop'] as const) {
    const set = new DatabaseSet([parseDbc(text, 'a.dbc')])
    const decoder = new Decoder([set], catalog, { noValues: () => kind })
    const frames = new FrameBatch(1)
    frames.count = 1
    frames.id[0] = 1
    frames.length[0] = 8
    frames.data.set([1, 2])
    const out = new ReadingBatch(8)
    decoder.decode(frames, out, () => assert.fail('the batch has room'))
    assert.deepEqual([out.count, out.signal[0], out.value[0]], [1, 0, 2])
  }
  assert.equal(catalog.refused, 2)
})
