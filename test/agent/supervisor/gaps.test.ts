import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gaps } from '../../../agent/supervisor/gaps.ts'

const SEC = 1_000_000

test('before the first data nothing is missing', () => {
  const gaps = new Gaps()
  gaps.begin('DEVICE_GONE')
  assert.equal(gaps.heard(100 * SEC, SEC), undefined)
  assert.equal(gaps.count, 0)
})

test('several failures until the next data are one gap, from the last data and for the first cause', () => {
  const gaps = new Gaps()
  gaps.heard(100 * SEC, SEC)
  gaps.begin('DEVICE_GONE')
  gaps.begin('SILENT')
  const gap = gaps.heard(107 * SEC, 8 * SEC)
  assert.deepEqual(gap, { cause: 'DEVICE_GONE', fromUs: 100 * SEC, durationMs: 7000 })
  assert.equal(gaps.heard(108 * SEC, 9 * SEC), undefined)
  assert.equal(gaps.count, 1)
})

test('a wall clock that jumps while the device is gone makes a gap no longer', () => {
  const gaps = new Gaps()
  gaps.heard(100 * SEC, SEC)
  gaps.begin('SILENT')
  assert.equal(gaps.heard(1_700_000_000 * SEC, 3 * SEC)?.durationMs, 2000)
  gaps.begin('SILENT')
  gaps.heard(1_700_000_004 * SEC, 7 * SEC)
  assert.equal(gaps.lengthMs, 6000)
})
