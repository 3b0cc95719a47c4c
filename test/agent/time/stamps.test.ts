import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClockTrust } from '../../../agent/time/clock-trust.ts'
import { stampsOf } from '../../../agent/time/stamps.ts'

const clockAt = (nowUs: number, monoUs: number) =>
  new ClockTrust({ nowUs: () => nowUs, monoUs: () => monoUs }).now()
const NOW = Date.UTC(2026, 5, 1) * 1000
const HOUR = 3_600_000_000

test('a record has the state of the clock, and the monotonic time of its wall time while live', () => {
  const good = clockAt(NOW, 5 * HOUR)
  assert.deepEqual(stampsOf(good, NOW - 2e6), {
    timeUs: NOW - 2e6,
    monoUs: 5 * HOUR - 2e6,
    clock: 'synced',
  })
  assert.deepEqual(stampsOf(good, NOW - HOUR), {
    timeUs: NOW - HOUR,
    monoUs: 4 * HOUR,
    clock: 'synced',
  })
  const of2009 = Date.UTC(2009, 0, 1) * 1000
  assert.deepEqual(stampsOf(good, of2009), { timeUs: of2009, monoUs: 5 * HOUR, clock: 'synced' })
  assert.deepEqual(stampsOf(good, NOW + 1), { timeUs: NOW + 1, monoUs: 5 * HOUR, clock: 'synced' })
  const unset = clockAt(60e6, 10e6)
  assert.deepEqual(stampsOf(unset, 59e6), { timeUs: 59e6, monoUs: 9e6, clock: 'unsynced' })
  assert.deepEqual(stampsOf(unset, NOW), { timeUs: NOW, monoUs: 10e6, clock: 'unsynced' })
  assert.deepEqual(stampsOf(unset, 40e6).monoUs, 0)
})

test('what was read before a jump and is kept after it gets the time that the clock says now', () => {
  const now = { wallUs: 60e6, monoUs: 10e6 }
  const trust = new ClockTrust({ nowUs: () => now.wallUs, monoUs: () => now.monoUs })
  now.monoUs += 1e6
  now.wallUs = NOW
  const after = trust.now()
  assert.deepEqual(stampsOf(after, 60.5e6), {
    timeUs: NOW - 0.5e6,
    monoUs: 10.5e6,
    clock: 'repaired',
  })
  assert.deepEqual(stampsOf(after, NOW - 100), {
    timeUs: NOW - 100,
    monoUs: 11e6 - 100,
    clock: 'synced',
  })
  // Ten minutes back: the same wall time comes twice, and what is of now is of now.
  now.monoUs += 60e6
  now.wallUs += 60e6 - 600e6
  const back = trust.now()
  assert.deepEqual(stampsOf(back, now.wallUs - 1e6), {
    timeUs: now.wallUs - 1e6,
    monoUs: 70e6,
    clock: 'synced',
  })
  assert.deepEqual(stampsOf(back, NOW + 59e6), {
    timeUs: now.wallUs - 1e6,
    monoUs: 70e6,
    clock: 'repaired',
  })
})
