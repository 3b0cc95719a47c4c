import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogFeatures } from '../../models/features/log.ts'
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
