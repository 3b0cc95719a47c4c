import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Rhythm } from '../../../agent/supervisor/rhythm.ts'

const SEC = 1_000_000

/** A device that delivers every so often, for a while; answers the time of its last delivery. */
function talking(rhythm: Rhythm, everyUs: number, times = 100): number {
  for (let i = 0; i <= times; i++) rhythm.heard(i * everyUs)
  return times * everyUs
}

test('before the first delivery no silence is too long', () => {
  assert.equal(new Rhythm().tooQuiet(3600 * SEC), false)
})

test('a busy bus hangs after ten seconds, a slow device after twenty of its pauses', () => {
  const busy = new Rhythm()
  const busyUs = talking(busy, 1000)
  assert.equal(busy.tooQuiet(busyUs + 9 * SEC), false)
  assert.equal(busy.tooQuiet(busyUs + 11 * SEC), true)
  const slow = new Rhythm()
  const slowUs = talking(slow, 5 * SEC)
  assert.equal(slow.tooQuiet(slowUs + 99 * SEC), false)
  assert.equal(slow.tooQuiet(slowUs + 101 * SEC), true)
})

test('a silent bus is opened less and less often, and at once where it talked again', () => {
  const rhythm = new Rhythm()
  let nowUs = talking(rhythm, 1000)
  const waits: number[] = []
  for (let i = 0; i < 9; i++) {
    const fromUs = nowUs
    while (!rhythm.tooQuiet(nowUs)) nowUs += SEC
    waits.push(Math.floor((nowUs - fromUs) / SEC))
    rhythm.reopened(nowUs)
  }
  assert.deepEqual(waits, [11, 21, 41, 81, 161, 321, 601, 601, 601])
  rhythm.heard(nowUs)
  assert.equal(rhythm.tooQuiet(nowUs + 11 * SEC), true)
})

test('a pause that was the device own way is learned; a night in the garage and an unplugging are not', () => {
  const rhythm = new Rhythm()
  const startUs = talking(rhythm, 1000)
  assert.equal(rhythm.tooQuiet(startUs + 15 * SEC), true)
  rhythm.reopened(startUs + 15 * SEC)
  rhythm.heard(startUs + 16 * SEC)
  assert.equal(rhythm.tooQuiet(startUs + 16 * SEC + 15 * SEC), false)
  const parked = new Rhythm()
  const parkedUs = talking(parked, 1000) + 8 * 3600 * SEC
  parked.heard(parkedUs)
  assert.equal(parked.tooQuiet(parkedUs + 11 * SEC), true)
  parked.lost()
  parked.heard(parkedUs + 30 * SEC)
  assert.equal(parked.tooQuiet(parkedUs + 41 * SEC), true)
})
