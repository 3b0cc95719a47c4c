import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogFeatures } from '../../models/features/log.ts'
import {
  cellsOf,
  type FeatureSpec,
  featureSpecSchema,
  lookBackMs,
  MAX_WINDOW_CELLS,
} from '../../models/features/spec.ts'
import { Windows } from '../../models/features/windows.ts'
import { input, START_MS, spec } from './feature-rows.ts'

const us = (ms: number) => (START_MS + ms) * 1000

test('an input of which no vehicle ever gave a reading is known, also after a checkpoint', () => {
  const one = spec([
    input('a'),
    input('b', { unit: 'K' }),
    input('c', { missing: { rule: 'default', value: 0 } }),
    input('ratio', { signal: 'a', over: { signal: 'd', zero: 0 } }),
  ])
  const features = new LogFeatures(one, () => {})
  features.push({ vehicle: 'one', timeUs: us(0), signals: { a: 1 } })
  // In another unit it cannot be used.
  features.push({ vehicle: 'two', timeUs: us(0), signals: { b: 280 }, units: { b: 'degC' } })
  assert.deepEqual(features.unheard, [
    { input: 'b', signal: 'b' },
    { input: 'c', signal: 'c' },
    { input: 'ratio', signal: 'd' },
  ])
  features.push({ vehicle: 'two', timeUs: us(10), signals: { b: 280 }, units: { b: 'K' } })
  features.close()
  const later = new LogFeatures(one, () => {})
  later.restore(features.counts, features.skippedBy, features.heard)
  later.push({ vehicle: 'three', timeUs: us(0), signals: { c: { count: 2, mean: 4 } } })
  assert.deepEqual(later.unheard, [{ input: 'ratio', signal: 'd' }])
})

const WINDOWED = spec([input('a', { aggregate: 'mean', windowMs: 10_000 })])

/** Rows of each vehicle of a log in which they take turns, a reading a second each. */
function takeTurns(
  one: FeatureSpec,
  order: (step: number) => string[],
  steps: number,
  room?: number,
) {
  const rows = new Map<string, number[]>()
  const features = new LogFeatures(
    one,
    (vehicle, row) => rows.set(vehicle, [...(rows.get(vehicle) ?? []), row.raw[0]]),
    room && room * cellsOf(one),
  )
  for (let step = 0; step < steps; step++) {
    for (const vehicle of order(step)) {
      features.push({ vehicle, timeUs: us(step * 1000), signals: { a: step } })
    }
  }
  features.close()
  return { rows, counts: features.counts }
}

test('windows of so many vehicles are open at once; those that find no room are counted', () => {
  const all = ['v1', 'v2', 'v3', 'v4']
  const whole = takeTurns(WINDOWED, () => all, 30)
  assert.deepEqual([...whole.rows.keys()], all)
  assert.deepEqual([whole.counts.noRoom, whole.counts.forgotten], [0, 0])
  const { rows, counts } = takeTurns(WINDOWED, () => all, 30, 2.5)
  assert.deepEqual([...rows.keys()], ['v1', 'v2'])
  assert.deepEqual(rows.get('v2'), whole.rows.get('v2'), 'no row of those that have room is lost')
  assert.deepEqual([counts.noRoom, counts.forgotten], [60, 0])
  assert.equal(takeTurns(WINDOWED, () => all, 30, 0.1).rows.size, 1, 'there is room for one')
})

test('a vehicle that has been silent for longer than it is looked back at makes room', () => {
  const silentFrom = 12
  const steps = silentFrom + lookBackMs(WINDOWED) / 1000 + 20
  const order = (step: number) => (step < silentFrom ? ['gone'] : ['new']).concat('stays')
  const { rows, counts } = takeTurns(WINDOWED, order, steps, 2)
  assert.equal(counts.forgotten, 1)
  // The last reading of the one that went was a second before.
  assert.equal(counts.noRoom, lookBackMs(WINDOWED) / 1000)
  assert.deepEqual(rows.get('stays'), takeTurns(WINDOWED, order, steps).rows.get('stays'))
  assert.ok(rows.get('new')!.length > 5)
  assert.equal(counts.rows, [...rows.values()].flat().length, 'rows of all, and of who went')
})

test('a unit that was told while there was no room is known when there is', () => {
  const one = spec([input('a', { unit: 'K' })])
  const features = new LogFeatures(one, () => {}, cellsOf(one))
  features.push({ vehicle: 'v1', timeUs: us(0), signals: { a: 280 }, units: { a: 'K' } })
  features.push({ vehicle: 'v2', timeUs: us(0), signals: { a: 7 }, units: { a: 'degC' } })
  features.push({ vehicle: 'v2', timeUs: us(60_000), signals: { a: 7 } })
  assert.equal(features.counts.noRoom, 1)
  assert.equal(features.counts.forgotten, 1)
  assert.equal(features.counts.otherUnit, 1)
})

test('windows that would take too much memory on a vehicle are refused with the bound', () => {
  const inputs = Array.from({ length: 300 }, (_, i) =>
    input(`s${i}`, { aggregate: 'mean', windowMs: 3_600_000 }),
  )
  const few = featureSpecSchema.safeParse(spec(inputs.slice(0, 200)))
  assert.equal(few.success, true)
  const { error } = featureSpecSchema.safeParse(spec(inputs))
  assert.match(error!.issues[0].message, new RegExp(`hold at most ${MAX_WINDOW_CELLS} steps`))
  // A row that waits for slow buses holds its steps open all the while.
  const patient = { ...spec(inputs.slice(0, 20), { sampleEveryMs: 1, graceMs: 60_000 }) }
  patient.inputs = patient.inputs.map(({ windowMs: _, ...one }) => one)
  assert.equal(featureSpecSchema.safeParse(patient).success, false)
})

test('the cells that are reckoned with are the ones that are made', () => {
  const one = spec([
    input('a', { aggregate: 'mean', windowMs: 7000 }),
    input('b', { over: { signal: 'a', zero: 0 }, aggregate: 'mean', windowMs: 20_000 }),
  ])
  // Two signals of twenty steps, and the one that is open.
  assert.equal(cellsOf(one), 42)
  const windows = new Windows(Int32Array.of(21, 21))
  assert.deepEqual([windows.at(1, 0), windows.at(1, 20)], [21, 41])
})
