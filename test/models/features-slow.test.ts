import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FeatureBuilder } from '../../models/features/builder.ts'
import { LogFeatures } from '../../models/features/log.ts'
import { featureSpecSchema, signalsOf } from '../../models/features/spec.ts'
import { SignalCatalog } from '../../sensors/reading.ts'
import { feed, input, type Reading, rowsOf, START_MS, spec } from './feature-rows.ts'

const rawOf = (rows: { raw: number[] }[]) => rows.map(({ raw }) => raw[0])
/** One reading in the middle of each second. */
const everySecond = (signal: string, values: readonly number[]): Reading[] =>
  values.map((value, i) => [signal, value, i * 1000 + 500])
const byTime = (readings: Reading[]) => readings.sort((a, b) => a[2] - b[2])

test('each input looks back as far as its own window', () => {
  const one = spec([
    input('a', { aggregate: 'mean' }),
    input('a', { name: 'a of 3 s', aggregate: 'mean', windowMs: 3000 }),
  ])
  const { rows, builder } = rowsOf(one, everySecond('a', [3, 6, 9, 0, 0]))
  assert.deepEqual(
    rows.map(({ raw }) => raw),
    [
      [9, 6],
      [0, 5],
    ],
  )
  // Of three seconds two do not reach into the older half.
  assert.equal(builder.counts.skipped, 2)
  assert.deepEqual([rows[1].fromMs, rows[1].toMs], [1500, 3500])
})

test('a change is the newer half less the older, and missing until the older is half there', () => {
  const one = spec([input('a', { aggregate: 'change', windowMs: 8000 })])
  const { rows, builder } = rowsOf(one, everySecond('a', [1, 3, 5, 7, 9, 11, 13, 15, 17, 0]))
  // Six rows in which the four older seconds have no reading in the first two of them.
  assert.deepEqual(rawOf(rows), [10 - 3, 12 - 4, 14 - 6])
  assert.equal(builder.counts.skipped, 6)
})

test('a tyre over the other: absolute, so that warmth cancels and a leak does not', () => {
  const zero = -101.325
  const one = spec([input('left', { over: { signal: 'right', zero } })])
  const warm = (kPa: number, share: number) => (kPa - zero) * share + zero
  const left = [220, warm(220, 1.1), warm(213, 1.1), 220]
  const right = [230, warm(230, 1.1), warm(230, 1.1), 230]
  const { rows } = rowsOf(
    one,
    byTime([...everySecond('left', left), ...everySecond('right', right)]),
  )
  const [cold, warmed, leaky] = rawOf(rows)
  assert.equal(cold, (220 - zero) / (230 - zero))
  assert.ok(Math.abs(warmed - cold) < 1e-12)
  assert.ok(Math.abs(leaky - (213 - zero) / (230 - zero)) < 1e-12)
  // Over what is shown on a gauge, warmth alone would look like a change.
  assert.ok(Math.abs(left[1] / right[1] - 220 / 230) > 1e-4)
})

test('a ratio is missing where one of the two is, and no number over nothing', () => {
  const one = spec([input('left', { over: { signal: 'right', zero: 0 } })])
  const { rows, builder } = rowsOf(one, [
    ['left', 6, 500],
    ['right', 3, 600],
    ['left', 6, 1500],
    ['right', 3, 2500],
    ['left', 6, 3500],
    ['right', 0, 3600],
    ['left', 8, 4500],
    ['right', 2, 4600],
    ['left', 0, 5500],
  ])
  assert.deepEqual(rawOf(rows), [2, 4])
  assert.equal(builder.counts.skipped, 3)
  assert.equal(builder.counts.rejected, 1)
})

test('a silence longer than the longest window leaves nothing of before it', () => {
  const one = spec([input('a', { aggregate: 'mean', windowMs: 4000 })])
  const { rows } = rowsOf(one, [
    ['a', 100, 500],
    ['a', 1, 2500],
    ['a', 7, 9500],
    ['a', 0, 10_500],
    ['a', 8, 11_500],
    ['a', 0, 12_500],
  ])
  // The first second does not reach back far enough, and neither do the first two after the silence.
  assert.deepEqual(rawOf(rows), [50.5, 5])
})

test('the same readings give the same bits, however they are cut into batches, and from a log', () => {
  const value = fc.double({ noNaN: true, min: -1e3, max: 1e3 })
  const reading = fc.tuple(fc.constantFrom('a', 'b'), value, fc.integer({ min: 0, max: 40_000 }))
  const inputs = [
    input('a', { aggregate: 'change', windowMs: 10_000, over: { signal: 'b', zero: -2000 } }),
    input('a', { name: 'long', aggregate: 'mean', windowMs: 20_000 }),
  ].map((one) => ({ ...one, missing: { rule: 'default' as const, value: 0 } }))
  const fromLog = (readings: Reading[]) => {
    const rows: number[][] = []
    const log = new LogFeatures(spec(inputs), (_, { raw }) => rows.push([...raw]))
    for (const [signal, value, timeMs] of readings) {
      const signals = JSON.parse(JSON.stringify({ [signal]: value }))
      log.push({ vehicle: 'one', timeUs: (START_MS + timeMs) * 1000, signals })
    }
    return rows
  }
  fc.assert(
    fc.property(fc.array(reading, { maxLength: 200 }), fc.integer({ min: 0 }), (some, at) => {
      const readings = byTime(some)
      const cut = at % (readings.length + 1)
      const catalog = new SignalCatalog()
      const builder = new FeatureBuilder(spec(inputs), catalog)
      const parts = [readings.slice(0, cut), readings.slice(cut)]
      assert.deepEqual(
        parts.flatMap((part) => feed(builder, catalog, part)),
        rowsOf(spec(inputs), readings).rows,
      )
      assert.deepEqual(
        fromLog(readings),
        rowsOf(spec(inputs), readings).rows.map(({ raw }) => raw),
      )
    }),
    { seed: 7, numRuns: 200 },
  )
})

test('windows of different length beside each other hold what a plain count says', () => {
  const windows = [1000, 4000, 20_000]
  const inputs = windows.map((windowMs, i) =>
    input(i === 1 ? 'b' : 'a', {
      name: `${windowMs}`,
      aggregate: 'mean',
      windowMs,
      missing: { rule: 'default', value: -1 },
    }),
  )
  // Whole values, whose sums are exact in any order.
  const value = fc.integer({ min: 0, max: 1000 })
  const reading = fc.tuple(fc.constantFrom('a', 'b'), value, fc.integer({ min: 0, max: 60_000 }))
  fc.assert(
    fc.property(fc.array(reading, { minLength: 1, maxLength: 150 }), (some) => {
      const readings = byTime(some)
      for (const { timeMs, raw } of rowsOf(spec(inputs), readings).rows) {
        const wanted = inputs.map(({ signal }, i) => {
          const seen = readings.filter(
            ([name, , at]) => name === signal && at < timeMs && at >= timeMs - windows[i],
          )
          // Where all are in one half they do not stand for the whole.
          const older = seen.filter(([, , at]) => at < timeMs - windows[i] / 2)
          if (older.length === 0 || older.length === seen.length) return -1
          return seen.reduce((sum, [, one]) => sum + one, 0) / seen.length
        })
        assert.deepEqual(raw, wanted)
      }
    }),
    { seed: 11, numRuns: 300 },
  )
})

test('a signal that died does not stand for what followed', () => {
  const one = spec([
    input('b'),
    input('a', { name: 'mean', aggregate: 'mean', windowMs: 4000 }),
    input('a', { name: 'change', aggregate: 'change', windowMs: 8000 }),
  ])
  const dies = everySecond('a', [1, 2, 3, 4, 5, 6, 7, 8, 9])
  const { rows } = rowsOf(one, byTime([...dies, ...everySecond('b', Array(14).fill(0))]))
  // Once its last reading has left the newer half of a window, of a change the newer half of the newer half.
  assert.deepEqual(
    rows.map(({ timeMs, raw }) => [timeMs / 1000, raw[1]]),
    [
      [7, 5.5],
      [8, 6.5],
      [9, 7.5],
      [10, 8],
    ],
  )
})

test('a signal has one unit, wherever it is named', () => {
  const refused = (...inputs: ReturnType<typeof input>[]) =>
    featureSpecSchema.safeParse(spec(inputs)).error?.issues[0].message
  const speed = input('speed', { unit: 'km/h' })
  assert.match(
    refused(speed, input('speed', { name: 'again', unit: 'mph' })) ?? '',
    /same unit in every input/,
  )
  const over = { signal: 'speed', zero: 0 }
  assert.match(refused(speed, input('rpm', { unit: 'rpm', over })) ?? '', /`over` included/)
  assert.equal(refused(speed, input('other', { unit: 'km/h', over })), undefined)
  // An empty unit is not checked, and does not take the other's away.
  const loose = [input('speed', { name: 'loose' }), speed]
  assert.equal(refused(...loose), undefined)
  assert.deepEqual(signalsOf(spec(loose)), [{ name: 'speed', unit: 'km/h' }])
})

test('windows that do not fit are refused with the reason', () => {
  const refused = (more: Parameters<typeof input>[1]) => {
    const { success, error } = featureSpecSchema.safeParse(spec([input('a', more)]))
    assert.ok(!success)
    return error.issues[0].message
  }
  assert.match(refused({ windowMs: 1500 }), /multiple of sampleEveryMs/)
  assert.match(refused({ aggregate: 'change', windowMs: 3000 }), /an even one for a change/)
  assert.match(refused({ aggregate: 'change' }), /an even one for a change/)
  assert.match(refused({ windowMs: 3_601_000 }), /at most 3600 times/)
})
