import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { findBlocks, packBlock, unpackBlock } from '../../../agent/local/history/block.ts'
import { WriteBudget } from '../../../agent/local/history/budget.ts'
import { ByteReader, ByteWriter } from '../../../agent/local/history/bytes.ts'
import type { Series } from '../../../agent/local/history/chunk.ts'
import {
  readColumn,
  readTimes,
  writeColumn,
  writeTimes,
} from '../../../agent/local/history/columns.ts'
import { queryHistory } from '../../../agent/local/history/query.ts'
import { Recorder } from '../../../agent/local/history/recorder.ts'
import { Segments, segmentFiles } from '../../../agent/local/history/segments.ts'
import { tierDir } from '../../../agent/local/history/tiers.ts'
import { ReadingBatch } from '../../../sensors/reading.ts'
import { tempDir } from '../../support/temp-dir.ts'

const SEC = 1e6
const START = 1_800_000_000 * SEC

test('columns and times come back bit by bit', () => {
  const decimal = fc
    .tuple(fc.integer({ min: -1e9, max: 1e9 }), fc.integer({ min: 0, max: 6 }))
    .map(([n, places]) => n / 10 ** places)
  const value = fc.oneof(decimal, fc.double(), fc.constantFrom(0, -0, NaN, Infinity, -Infinity))
  fc.assert(
    fc.property(fc.array(value, { maxLength: 200 }), (list) => {
      const values = Float64Array.from(list)
      const out = new ByteWriter(1)
      writeColumn(out, values)
      const back = readColumn(new ByteReader(out.bytes), values.length)
      for (let i = 0; i < values.length; i++) assert.ok(Object.is(back[i], values[i]))
    }),
  )
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 51 }), { maxLength: 200 }), (list) => {
      const times = Float64Array.from(list)
      const out = new ByteWriter(1)
      writeTimes(out, times)
      assert.deepEqual(readTimes(new ByteReader(out.bytes), times.length), times)
    }),
  )
})

function series(name: string, times: number[], values: number[]): Series {
  const last = Float64Array.from(values)
  return { name, unit: 'km/h', timeUs: Float64Array.from(times), last, min: last, max: last }
}

test('a torn or damaged block costs itself only', async () => {
  const blocks = await Promise.all(
    [0, 1, 2].map((i) => packBlock([series('a', [START + i, START + i + 10], [i, i + 0.5])])),
  )
  const file = Buffer.concat(blocks)
  const read = async (bytes: Buffer): Promise<number[]> => {
    const { heads } = findBlocks(bytes)
    const all = await Promise.all(heads.map((head) => unpackBlock(bytes, head, () => true)))
    return all.flat().map(({ last }) => last[0])
  }
  assert.deepEqual(await read(file), [0, 1, 2])
  for (let end = 0; end <= file.length; end++) {
    const whole = blocks.filter(
      (_, i) => blocks.slice(0, i + 1).reduce((sum, { length }) => sum + length, 0) <= end,
    ).length
    assert.equal((await read(Buffer.from(file.subarray(0, end)))).length, whole, `cut at ${end}`)
  }
  for (let at = 0; at < file.length; at++) {
    const bytes = Buffer.from(file)
    bytes[at] ^= 0x55
    const left = await read(bytes)
    assert.ok(left.length === 2, `flipped at ${at}: ${left}`)
  }
})

interface Rig {
  readonly dir: string
  readonly recorder: Recorder
  readonly failures: unknown[]
  /** Moves the monotonic clock of the budget. */
  passUs(us: number): void
  add(name: string, timeUs: number, value: number): void
}

function rig(t: TestContext, more: { maxBytes?: number; bytesPerHour?: number } = {}): Rig {
  const dir = tempDir(t)
  const names: string[] = []
  const failures: unknown[] = []
  let monoUs = 0
  const budget = new WriteBudget(more.bytesPerHour ?? 1e9, () => monoUs)
  const recorder = new Recorder({
    dataDir: dir,
    budget,
    maxBytes: more.maxBytes ?? 64 << 20,
    spansUs: { full: 600 * SEC, '1s': 8 * 3600 * SEC, '10s': 24 * 3600 * SEC },
    signalAt: (index) => ({ name: names[index], unit: 'V' }),
    failed: (error) => failures.push(error),
  })
  const batch = new ReadingBatch(1)
  return {
    dir,
    recorder,
    failures,
    passUs: (us) => {
      monoUs += us
    },
    add: (name, timeUs, value) => {
      if (!names.includes(name)) names.push(name)
      recorder.reserve(names.length)
      batch.count = 0
      batch.push(names.indexOf(name), value, timeUs)
      recorder.add(batch, new Int32Array(names.length))
    },
  }
}

/** Some hours of one signal at 2 Hz, with one spike of half a second. */
async function drive({ recorder, add, passUs }: Rig, seconds: number, spikeSec: number) {
  for (let s = 0; s < seconds; s += 0.5) {
    const value = s === spikeSec + 0.5 ? 99 : 20 + Math.round(Math.sin(s / 60) * 50) / 10
    add('Battery.Voltage', START + s * SEC, value)
    if (s % 1 === 0) {
      passUs(SEC)
      recorder.tick(START + s * SEC)
    }
    if (s % 5 === 0) await recorder.idle()
  }
  await recorder.close()
}

test('what happened at 14:10: every reading of the last minutes, thinned before, no spike lost', async (t) => {
  const it = rig(t)
  const hours = 10
  await drive(it, hours * 3600, 9 * 3600)
  assert.deepEqual(it.failures, [])
  const ask = (fromSec: number, toSec: number, points = 5000) =>
    queryHistory({
      dataDir: it.dir,
      wanted: (name) => name === 'Battery.Voltage',
      fromUs: START + fromSec * SEC,
      toUs: START + toSec * SEC,
      points,
    })
  const end = hours * 3600
  const recent = await ask(end - 300, end)
  assert.equal(recent.series[0].points.length, 600, 'two a second for five minutes')
  assert.deepEqual(recent.tiers.map(({ tier }) => tier).slice(0, 1), ['full'])
  const hour = await ask(9 * 3600 - 60, 9 * 3600 + 60)
  const { points } = hour.series[0]
  assert.ok(points.length >= 119 && points.length <= 122, `${points.length} points`)
  assert.equal(Math.max(...points.map(([, , max]) => max)), 99, 'the spike')
  const early = await ask(0, 600)
  assert.ok(early.series[0].points.length >= 58 && early.series[0].points.length <= 62)
  const all = await ask(0, end, 100)
  assert.ok(all.series[0].points.length <= 100)
  assert.equal(Math.max(...all.series[0].points.map(([, , max]) => max)), 99)
})

test('tiers give up their oldest files by time covered and by bytes', async (t) => {
  const it = rig(t, { maxBytes: 1 << 20 })
  await drive(it, 3600, -1)
  const bytes = segmentFiles(tierDir(it.dir, 'full')).reduce(
    (sum, path) => sum + statSync(path).size,
    0,
  )
  assert.ok(bytes > 0 && it.recorder.bytes <= 1 << 20)
  const full = await queryHistory({
    dataDir: it.dir,
    wanted: () => true,
    fromUs: START,
    toUs: START + 3600 * SEC,
    points: 10,
  })
  const covered = full.tiers
    .filter(({ tier }) => tier === 'full')
    .reduce((sum, { fromUs, toUs }) => sum + toUs - fromUs, 0)
  assert.ok(covered >= 500 * SEC && covered < 900 * SEC, `${covered / SEC} s in full`)
})

test('segments keep their bound over restarts, and a clock that jumps deletes nothing', async (t) => {
  const dir = join(tempDir(t), 'tier')
  const block = new Uint8Array(1000)
  for (let run = 0; run < 40; run++) {
    const segments = new Segments(dir, { spanUs: 1e15, maxBytes: 16_000 })
    await segments.append(block, SEC)
    assert.ok(segments.bytes <= 16_000, `${segments.bytes} after ${run} runs`)
  }
  const it = rig(t)
  for (let s = 0; s < 60; s++) it.add('A', s * SEC, s)
  it.recorder.tick(60 * SEC)
  for (let s = 0; s < 60; s++) it.add('A', START + s * SEC, s)
  await it.recorder.close()
  const of = async (fromUs: number) =>
    (
      await queryHistory({
        dataDir: it.dir,
        wanted: () => true,
        fromUs,
        toUs: fromUs + 60 * SEC,
        points: 100,
      })
    ).series[0].points.length
  assert.equal(await of(0), 60)
  assert.equal(await of(START), 60)
})

test('a flash budget makes full readings rarer, and the thinned tiers stay whole', async (t) => {
  const it = rig(t, { bytesPerHour: 400_000 })
  let seed = 1
  for (let s = 0; s < 1200; s += 0.02) {
    seed = (seed * 48_271) % 2_147_483_647
    it.add('Noise', START + Math.round(s * SEC), seed / 7)
    if (Math.abs(s - Math.round(s)) < 0.005) {
      it.passUs(SEC)
      it.recorder.tick(START + s * SEC)
      await it.recorder.idle()
    }
  }
  await it.recorder.close()
  assert.ok(it.recorder.thinned > 10_000, `${it.recorder.thinned} thinned`)
  assert.ok(it.recorder.bytes < 400_000, `${it.recorder.bytes} B in 20 min`)
  const answer = await queryHistory({
    dataDir: it.dir,
    wanted: () => true,
    fromUs: START,
    toUs: START + 1200 * SEC,
    points: 1200,
  })
  assert.ok(answer.series[0].points.length >= 1190, `${answer.series[0].points.length} seconds`)
})

test('a torn file and a full folder of garbage are passed over, and told', async (t) => {
  const it = rig(t)
  await drive(it, 120, -1)
  const [path] = segmentFiles(tierDir(it.dir, '1s'))
  truncateSync(path, statSync(path).size - 3)
  writeFileSync(join(tierDir(it.dir, '1s'), '99999999.mpr'), Buffer.alloc(5000, 'MPR1'))
  writeFileSync(join(tierDir(it.dir, '1s'), 'notes.txt'), 'x')
  const answer = await queryHistory({
    dataDir: it.dir,
    wanted: () => true,
    fromUs: START,
    toUs: START + 120 * SEC,
    points: 1000,
  })
  assert.ok(answer.damagedBytes > 5000)
  assert.equal(answer.series[0].points.length, 240)
  assert.ok(readdirSync(tierDir(it.dir, '1s')).includes('notes.txt'))
  assert.ok(readFileSync(path).length > 0)
})
