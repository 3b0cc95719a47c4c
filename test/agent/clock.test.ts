import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stampsOf } from '../../agent/clock.ts'

const clockAt = (nowUs: number, monoUs: number) => ({ nowUs: () => nowUs, monoUs: () => monoUs })
const NOW = Date.UTC(2026, 5, 1) * 1000
const HOUR = 3_600_000_000

test('a record has the state of the clock, and the monotonic time of its wall time while live', () => {
  const good = clockAt(NOW, 5 * HOUR)
  assert.deepEqual(stampsOf(good, NOW - 2e6), { monoUs: 5 * HOUR - 2e6, clock: 'synced' })
  assert.deepEqual(stampsOf(good, NOW - HOUR), { monoUs: 4 * HOUR, clock: 'synced' })
  const of2009 = Date.UTC(2009, 0, 1) * 1000
  assert.deepEqual(stampsOf(good, of2009), { monoUs: 5 * HOUR, clock: 'synced' })
  assert.deepEqual(stampsOf(good, NOW + 1), { monoUs: 5 * HOUR, clock: 'synced' })
  const unset = clockAt(60e6, 10e6)
  assert.deepEqual(stampsOf(unset, 59e6), { monoUs: 9e6, clock: 'unsynced' })
  assert.deepEqual(stampsOf(unset, NOW), { monoUs: 10e6, clock: 'unsynced' })
  assert.deepEqual(stampsOf(unset, 40e6).monoUs, 0)
})
