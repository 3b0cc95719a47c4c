import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CLOCK_BACK_US, FeatureBuilder } from '../../models/features/builder.ts'
import { SignalCatalog } from '../../sensors/reading.ts'
import { feed, input, type Reading, rowsOf, START_MS, spec } from './feature-rows.ts'

test('a row a step: last, mean, min and max of the window, with the time of what is in it', () => {
  const one = spec(
    [
      input('a'),
      input('a', { name: 'a mean', aggregate: 'mean' }),
      input('a', { name: 'a min', aggregate: 'min' }),
      input('a', { name: 'a max', aggregate: 'max' }),
    ],
    { windowMs: 2000 },
  )
  const { rows } = rowsOf(one, [
    ['a', 4, 100],
    ['a', 2, 600],
    ['a', 9, 1500],
    ['a', 1, 2200],
    ['a', 0, 3000],
  ])
  assert.deepEqual(
    rows.map(({ timeMs, raw, fromMs, toMs }) => ({ timeMs, raw, fromMs, toMs })),
    [
      { timeMs: 1000, raw: [2, 3, 2, 4], fromMs: 100, toMs: 600 },
      { timeMs: 2000, raw: [9, 5, 2, 9], fromMs: 100, toMs: 1500 },
      { timeMs: 3000, raw: [1, 5, 1, 9], fromMs: 1500, toMs: 2200 },
    ],
  )
})

test('missing values are held until they are too old, or get their default, or cost the row', () => {
  const one = spec([
    input('a'),
    input('held', { missing: { rule: 'hold', maxAgeMs: 2000 } }),
    input('given', { missing: { rule: 'default', value: -1 } }),
  ])
  const { rows, builder } = rowsOf(one, [
    ['a', 0, 100],
    ['held', 7, 1100],
    ['given', 5, 1100],
    ['a', 1, 1100],
    ['a', 2, 2100],
    ['a', 3, 3050],
    ['a', 4, 4100],
    ['a', 5, 5100],
  ])
  assert.deepEqual(
    rows.map(({ raw }) => raw),
    [
      [1, 7, 5],
      [2, 7, -1],
    ],
    'no value yet at 1 s; 2.9 s old at 4 s',
  )
  assert.equal(builder.counts.held, 1)
  assert.equal(builder.counts.skipped, 3)
})

test('a reading that comes within the grace still counts, a later one is counted as late', () => {
  const one = spec([input('a', { aggregate: 'max' })], { graceMs: 300 })
  const { rows, builder } = rowsOf(one, [
    ['a', 1, 500],
    ['a', 2, 1200],
    ['a', 9, 900],
    ['a', 3, 1300],
    ['a', 50, 950],
    ['a', 4, 2300],
  ])
  assert.deepEqual(
    rows.map(({ raw }) => raw[0]),
    [9, 3],
  )
  assert.equal(builder.late, 1)
})

test('no row tells of a silence, however long, and what was before it is not in the window after it', () => {
  for (const silenceMs of [3000, 10_000, 50 * 365 * 86_400_000]) {
    const { rows } = rowsOf(spec([input('a', { aggregate: 'mean' })], { windowMs: 3000 }), [
      ['a', 10, 500],
      ['a', 20, 1500 + silenceMs],
      ['a', 20, 2500 + silenceMs],
    ])
    assert.deepEqual(
      rows.map(({ raw, timeMs }) => [raw[0], timeMs]),
      [
        [10, 1000],
        [20, 2000 + silenceMs],
      ],
      `${silenceMs} ms`,
    )
  }
})

test('a clock that steps back far starts anew; values of before are not held', () => {
  const back = -CLOCK_BACK_US / 1000 - 5000
  const { rows, builder } = rowsOf(
    spec([input('a'), input('b', { missing: { rule: 'hold', maxAgeMs: 60_000 } })]),
    [
      ['a', 1, 100],
      ['b', 5, 100],
      ['a', 2, 1100],
      ['a', 3, back],
      ['a', 4, back + 1000],
    ],
  )
  assert.deepEqual(
    rows.map(({ raw }) => raw),
    [[1, 5]],
  )
  assert.equal(builder.restarts, 1)
})

test('values that are no finite number, and signals in another unit, count as missing', () => {
  const catalog = new SignalCatalog()
  const builder = new FeatureBuilder(
    spec([input('a'), input('t', { unit: 'degC', missing: { rule: 'default', value: 0 } })]),
    catalog,
  )
  catalog.intern('t', 'degF')
  const rows = feed(builder, catalog, [
    ['a', 1, 100],
    ['a', Number.NaN, 200],
    ['a', Number.POSITIVE_INFINITY, 300],
    ['t', 451, 300],
    ['a', 2, 1100],
  ])
  assert.deepEqual(rows[0].raw, [1, 0])
  assert.equal(builder.rejected, 2)
  assert.deepEqual(builder.problems, [{ signal: 't', unit: 'degF', wanted: 'degC' }])
})

test('values far outside are cut at the clip', () => {
  const scaling = { scaling: { offset: 0, factor: 1 }, range: { min: 0, max: 1 } }
  const { rows } = rowsOf(
    spec([
      { ...input('a'), ...scaling },
      { ...input('b'), ...scaling },
    ]),
    [
      ['a', 1e300, 100],
      ['b', -1e300, 100],
      ['a', 0, 1100],
    ],
  )
  assert.deepEqual(rows[0].scaled, [100, -100])
  assert.deepEqual(rows[0].raw, [1e300, -1e300])
})

test('readings and columns of the same values give the same bits', () => {
  const value = fc.oneof(
    fc.double({ noDefaultInfinity: true }),
    fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY),
  )
  const missing = fc.constantFrom(
    { rule: 'skip' as const },
    { rule: 'default' as const, value: 1.5 },
    { rule: 'hold' as const, maxAgeMs: 2500 },
  )
  const column = fc.record({
    missing,
    offset: fc.double({ noNaN: true, min: -1e6, max: 1e6 }),
    factor: fc.double({ noNaN: true, min: 1e-6, max: 1e6 }),
  })
  fc.assert(
    fc.property(
      fc.array(column, { minLength: 1, maxLength: 5 }),
      fc.array(fc.array(value, { minLength: 5, maxLength: 5 }), { maxLength: 12 }),
      (columns, table) => {
        const one = spec(
          columns.map(({ missing, offset, factor }, i) => ({
            ...input(`s${i}`, { missing }),
            scaling: { offset, factor },
            range: { min: 0, max: 0 },
          })),
        )
        const catalog = new SignalCatalog()
        // Readings are taken at the very end of each step, so that ages are the same on both paths.
        const readings = table.flatMap((cells, row): Reading[] =>
          columns.map((_, i) => [`s${i}`, cells[i], (row + 1) * 1000 - 0.001]),
        )
        // One more reading closes the last step.
        const end: Reading[] = [['s0', 0, (table.length + 1) * 1000]]
        const live = feed(new FeatureBuilder(one, catalog), catalog, [...readings, ...end])
        const columnar = new FeatureBuilder(one, catalog)
        const wanted: { raw: number[]; scaled: number[] }[] = []
        table.forEach((cells, row) => {
          const values = Float64Array.from(columns, (_, i) => cells[i])
          // A step in which nothing was read gives no row on the vehicle.
          if (!values.some(Number.isFinite)) return
          const timeUs = (START_MS + (row + 1) * 1000) * 1000
          const made = columnar.rowFromColumns(values, timeUs)
          if (made) wanted.push({ raw: [...made.raw], scaled: [...made.scaled] })
        })
        assert.deepEqual(
          live.map(({ raw, scaled }) => ({ raw, scaled })),
          wanted,
        )
      },
    ),
    { seed: 20260, numRuns: 300 },
  )
})
