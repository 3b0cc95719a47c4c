import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Throttle, type UplinkLimits } from '../../sync/throttle.ts'

const none = () => ({})
const held = (throttle: Throttle) => [...throttle.held()].sort()

test('without limits nothing is held', () => {
  const throttle = new Throttle()
  throttle.spend(1e9)
  assert.deepEqual(held(throttle), [])
})

test('a cap holds the lower lanes until what was sent has been paid for; critical passes', () => {
  let nowMs = 0
  const throttle = new Throttle({ maxBytesPerSec: 1_000 }, () => nowMs, none)
  assert.deepEqual(held(throttle), [])
  throttle.spend(4_000)
  assert.deepEqual(held(throttle), ['events', 'telemetry'])
  nowMs = 2_900
  assert.deepEqual(held(throttle), ['events', 'telemetry'])
  assert.ok(throttle.lookAgainMs > 0 && throttle.lookAgainMs <= 1_000)
  nowMs = 3_100
  assert.deepEqual(held(throttle), [])
  // An hour of silence saves up one second's worth, not an hour's.
  nowMs += 3_600_000
  held(throttle)
  throttle.spend(1_000)
  assert.deepEqual(held(throttle), ['events', 'telemetry'])
})

test('over ten minutes the cap is what was sent', () => {
  let nowMs = 0
  let sent = 0
  const throttle = new Throttle({ maxBytesPerSec: 8_000 }, () => nowMs, none)
  for (; nowMs < 600_000; nowMs += 10) {
    if (throttle.held().has('telemetry')) continue
    throttle.spend(64_000)
    sent += 64_000
  }
  assert.ok(Math.abs(sent - 8_000 * 600) <= 2 * 64_000, String(sent))
})

test('bulk waits for its network, by interface or by address; loopback is none', () => {
  const at = (limits: UplinkLimits, name: string, address: string, internal = false) =>
    held(
      new Throttle(
        limits,
        () => 0,
        () => ({ [name]: [{ address, internal }] }),
      ),
    )
  const depot = { bulkNetworks: ['wlan*', '10.20.0.0/16', 'fd00:1::/32'] }
  assert.deepEqual(at(depot, 'wlan0', '192.0.2.7'), [])
  assert.deepEqual(at(depot, 'eth0', '10.20.3.4'), [])
  assert.deepEqual(at(depot, 'eth0', 'fd00:1::9'), [])
  assert.deepEqual(at(depot, 'wwan0', '10.21.3.4'), ['telemetry'])
  assert.deepEqual(at({ bulkNetworks: ['lo'] }, 'lo', '127.0.0.1', true), ['telemetry'])
  const both: UplinkLimits = { ...depot, bulkLanes: ['events', 'telemetry'] }
  assert.deepEqual(at(both, 'wwan0', '10.21.3.4'), ['events', 'telemetry'])
})

test('a network that comes and goes is seen, at most once a second', () => {
  let nowMs = 0
  let looked = 0
  let up = false
  const throttle = new Throttle(
    { bulkNetworks: ['wlan0'] },
    () => nowMs,
    () => {
      looked++
      return up ? { wlan0: [{ address: '192.0.2.7', internal: false }] } : {}
    },
  )
  assert.deepEqual(held(throttle), ['telemetry'])
  up = true
  nowMs = 500
  assert.deepEqual(held(throttle), ['telemetry'])
  nowMs = 1_000
  assert.deepEqual(held(throttle), [])
  assert.equal(looked, 2)
})
