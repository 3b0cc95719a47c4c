import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { OutboxLimits } from '../../../sync/outbox/limits.ts'
import type { NewRecord } from '../../../sync/record.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { ledgerOf, openOutbox, readAll, record } from '../support.ts'

const HOUR_US = 3_600_000_000
const NOW_US = Date.UTC(2026, 5, 1) * 1000

function outboxOf(t: TestContext, lanes: OutboxLimits['lanes'], path?: string, bootId = 'boot-1') {
  const time = { nowUs: NOW_US, monoUs: 100 * HOUR_US }
  const clock = { nowUs: () => time.nowUs, monoUs: () => time.monoUs }
  const file = path ?? join(tempDir(t), 'o.db')
  const outbox = openOutbox(t, { path: file, limits: { lanes }, clock, bootId })
  return Object.assign(outbox, { time })
}

const told = (outbox: Parameters<typeof readAll>[0], cause: string) =>
  ledgerOf(readAll(outbox)).filter((entry) => entry.cause === cause)

test('a lane at its own cap gives way itself: the newest stay, the ledger has the cause', (t) => {
  const maxBytes = 200_000
  const outbox = outboxOf(t, { events: { maxBytes } })
  const text = 'x'.repeat(1000)
  outbox.append([record('critical', text), record('telemetry', text)])
  for (let i = 0; i < 100; i++)
    outbox.append(Array.from({ length: 10 }, () => record('events', text)))
  const { events, telemetry, critical } = outbox.stat().lanes
  assert.ok(events.bytes <= maxBytes && events.bytes > maxBytes * 0.8, `${events.bytes} bytes`)
  const [entry, ...more] = told(outbox, 'lane_full')
  assert.deepEqual(more, [])
  assert.equal(entry.lane, 'events')
  assert.equal(entry.count! + events.records, 1000)
  assert.equal(events.evicted, entry.count)
  assert.equal(outbox.read('events', 0, 1e6, 1e9).at(-1)?.seq, outbox.lastSeq('events'))
  assert.equal(telemetry.records, 1)
  assert.equal(critical.evicted + telemetry.evicted, 0)
})

test('more at once than a lane may have is refused and told, the other lanes are kept', (t) => {
  const outbox = outboxOf(t, { telemetry: { maxBytes: 50_000 } })
  outbox.append([record('telemetry', 'small')])
  outbox.append([record('events', 'kept'), record('telemetry', 'x'.repeat(60_000))])
  const [entry] = told(outbox, 'lane_full')
  assert.deepEqual([entry.lane, entry.count], ['telemetry', 1])
  assert.equal(outbox.read('telemetry', 0, 9, 1e9).length, 1)
  assert.equal(outbox.read('events', 0, 9, 1e9).length, 1)
})

test('what is on its way is not taken by a cap', (t) => {
  const outbox = outboxOf(t, { events: { maxBytes: 20_000 } })
  const some = (n: number) => Array.from({ length: n }, () => record('events', 'x'.repeat(1000)))
  outbox.append(some(10))
  outbox.hold({ critical: 0, events: 8, telemetry: 0 })
  for (let i = 0; i < 10; i++) outbox.append(some(5))
  const seqs = outbox.read('events', 0, 1e6, 1e9).map(({ seq }) => seq)
  assert.deepEqual(seqs.slice(0, 8), [1, 2, 3, 4, 5, 6, 7, 8])
})

test('what is older than its lane allows goes, with cause and range; order never by wall time', (t) => {
  const outbox = outboxOf(t, { telemetry: { maxAgeMs: 3_600_000 } })
  const at = (hoursAgo: number, more: Partial<NewRecord> = {}) =>
    record('telemetry', 'x', { monoUs: outbox.time.monoUs - hoursAgo * HOUR_US, ...more })
  // The wall clock of the first says 1970, and of the second ten years ahead: only their age counts.
  outbox.append([
    at(3, { timeUs: 0, clock: 'unsynced' }),
    at(2, { timeUs: NOW_US + 10 * 8766 * HOUR_US }),
    at(0.5, { timeUs: 0, clock: 'unsynced' }),
    at(0),
    record('events', 'old', { monoUs: 0 }),
  ])
  outbox.tend()
  assert.deepEqual(
    outbox.read('telemetry', 0, 9, 1e9).map(({ seq }) => seq),
    [3, 4],
  )
  assert.equal(outbox.waiting('events'), 1)
  const [{ lane, count, firstSeq, lastSeq }] = told(outbox, 'expired')
  assert.deepEqual([lane, count, firstSeq, lastSeq], ['telemetry', 2, 1, 2])
  outbox.time.monoUs += 2 * HOUR_US
  outbox.tend()
  assert.equal(outbox.waiting('telemetry'), 0)
  const total = told(outbox, 'expired').reduce((sum, entry) => sum + entry.count!, 0)
  assert.equal(total, 4)
})

test('records of an earlier boot: by the wall clock where both were known, else they stay', (t) => {
  const path = join(tempDir(t), 'o.db')
  const first = outboxOf(t, {}, path)
  const old = NOW_US - 5 * HOUR_US
  first.append([
    record('telemetry', 'a', { timeUs: old }),
    record('events', 'b', { timeUs: 0, clock: 'unsynced' }),
  ])
  first.close()
  const limits = { telemetry: { maxAgeMs: 3_600_000 }, events: { maxAgeMs: 3_600_000 } }
  const second = outboxOf(t, limits, path, 'boot-2')
  second.tend()
  assert.equal(second.waiting('telemetry'), 1, 'our own clock is not known yet')
  second.append([record('critical', 'x', { timeUs: NOW_US })])
  second.tend()
  assert.equal(second.waiting('telemetry'), 0)
  assert.equal(second.waiting('events'), 1)
})

test('a lane of a hundred thousand expired records is gone after some steps, and the sum is exact', (t) => {
  const outbox = outboxOf(t, { telemetry: { maxAgeMs: 1000 } })
  const batch = Array.from({ length: 5000 }, () => record('telemetry', 'x', { monoUs: 0 }))
  for (let i = 0; i < 20; i++) outbox.append(batch)
  let steps = 0
  while (outbox.waiting('telemetry') > 0 && steps++ < 100) outbox.tend()
  assert.ok(steps < 100)
  assert.equal(
    told(outbox, 'expired').reduce((sum, { count }) => sum + count!, 0),
    100_000,
  )
})
