import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClockTrust } from '../../../agent/time/clock-trust.ts'

const YEAR_2026_US = Date.UTC(2026, 5, 1) * 1000
const HOUR_US = 3_600e6
const YEAR_US = 365 * 24 * HOUR_US

function scene(wallUs: number, kept: boolean | undefined, battery = false) {
  const now = { wallUs, monoUs: 60e6, kept }
  const clock = { nowUs: () => now.wallUs, monoUs: () => now.monoUs, kept: () => now.kept }
  const trust = new ClockTrust(clock, battery)
  const pass = (us: number, jumpUs = 0) => {
    now.monoUs += us
    now.wallUs += us + jumpUs
    trust.ask()
  }
  const told = () => [trust.now().state, trust.now().by]
  return { now, trust, pass, told }
}

test('the kernel vouches, else the battery, else the year where the kernel cannot be asked', () => {
  assert.deepEqual(scene(YEAR_2026_US, true).told(), ['synced', 'kernel'])
  assert.deepEqual(scene(YEAR_2026_US, false).told(), ['unsynced', undefined])
  assert.deepEqual(scene(YEAR_2026_US, false, true).told(), ['synced', 'battery'])
  assert.deepEqual(scene(YEAR_2026_US, undefined).told(), ['synced', 'year'])
  // In 1970 nobody is believed.
  for (const kept of [true, false, undefined]) {
    assert.deepEqual(scene(9e6, kept, true).told(), ['unsynced', undefined])
  }
})

test('a clock that was kept stays right without NTP, for a week', () => {
  const { now, pass, told } = scene(YEAR_2026_US, true)
  now.kept = false
  pass(9 * HOUR_US)
  assert.deepEqual(told(), ['synced', 'kernel'])
  pass(6 * 24 * HOUR_US)
  assert.deepEqual(told(), ['synced', 'kernel'])
  pass(24 * HOUR_US)
  assert.deepEqual(told(), ['unsynced', undefined])
})

for (const [what, byUs] of [
  ['an hour back', -HOUR_US],
  ['an hour forward', HOUR_US],
  ['ten years forward', 10 * YEAR_US],
  ['back to 1970', -YEAR_2026_US],
] as const) {
  test(`a jump ${what} that nobody vouches for ends the trust, between two looks too`, () => {
    const { now, pass, told } = scene(YEAR_2026_US, true)
    now.kept = false
    pass(1e6)
    now.wallUs += byUs
    assert.deepEqual(told(), ['unsynced', undefined])
    now.kept = true
    pass(1e6, YEAR_2026_US + 62e6 - now.wallUs)
    assert.deepEqual(told(), ['synced', 'kernel'])
  })
}

test('a satellite vouches until the clock jumps, and never in the kernel’s place', () => {
  const { now, trust, pass, told } = scene(YEAR_2026_US, false)
  assert.equal(trust.satellite(now.wallUs + 3e6, now.monoUs), false)
  assert.deepEqual(told(), ['unsynced', undefined])
  assert.equal(trust.satellite(now.wallUs - 1e6, now.monoUs), true)
  assert.deepEqual(told(), ['synced', 'satellite'])
  pass(HOUR_US)
  assert.deepEqual(told(), ['synced', 'satellite'])
  pass(1e6, HOUR_US)
  assert.deepEqual(told(), ['unsynced', undefined])
  now.kept = true
  pass(1e6)
  trust.satellite(now.wallUs, now.monoUs)
  assert.deepEqual(told(), ['synced', 'kernel'])
})
