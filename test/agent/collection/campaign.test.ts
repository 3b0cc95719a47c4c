import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Collected } from '../../../agent/collection/campaign.ts'
import { makeCampaign } from '../../../agent/collection/make-campaign.ts'
import type { CampaignConfig } from '../../../agent/config/schema.ts'
import { ReadingBatch, SignalCatalog } from '../../../sensors/reading.ts'

const SECOND_US = 1_000_000
const START_US = 1_700_000_000 * SECOND_US

function harness(config: Partial<CampaignConfig>) {
  const catalog = new SignalCatalog()
  const campaign = makeCampaign(
    { id: 'c', lane: 'telemetry', staleAfterMs: 10_000, signals: ['*'], ...config },
    { catalog, known: { has: () => true, all: () => [], open: true }, fetch: () => {} },
  )
  const records: Collected[] = []
  const see = (...rows: [name: string, value: number, seconds: number][]): void => {
    const batch = new ReadingBatch()
    for (const [name, value, seconds] of rows) {
      batch.push(catalog.intern(name).index, value, START_US + seconds * SECOND_US)
    }
    campaign.observe(batch, (record) => records.push(record))
  }
  return { see, records, signals: () => records.map((r) => r.content.signals) }
}

test('a snapshot holds the latest values before its instant, at the instant', () => {
  const { see, records } = harness({ sampleEveryMs: 1000 })
  see(['A.x', 1, 0.1], ['A.x', 2, 0.9], ['B.y', 5, 0.95], ['A.x', 3, 1.0])
  assert.deepEqual(
    records.map((r) => [r.timeUs - START_US, r.content.signals]),
    [[SECOND_US, { 'A.x': 2, 'B.y': 5 }]],
  )
})

test('a batch boundary makes no difference to what is sampled', () => {
  const whole = harness({ sampleEveryMs: 500 })
  const split = harness({ sampleEveryMs: 500 })
  const rows = Array.from({ length: 40 }, (_, i): [string, number, number] => [
    i % 3 ? 'A.x' : 'B.y',
    i,
    i * 0.13,
  ])
  whole.see(...rows)
  for (const row of rows) split.see(row)
  assert.ok(whole.records.length > 5)
  assert.deepEqual(split.records, whole.records)
})

test('a signal that went silent leaves the snapshot', () => {
  const { see, signals } = harness({ sampleEveryMs: 1000, staleAfterMs: 1500 })
  see(['A.x', 1, 0.5], ['B.y', 1, 0.5], ['B.y', 2, 1.5], ['B.y', 3, 2.5], ['B.y', 4, 3.5])
  assert.deepEqual(signals(), [{ 'A.x': 1, 'B.y': 1 }, { 'A.x': 1, 'B.y': 2 }, { 'B.y': 3 }])
})

test('a clock that jumps back or far ahead does not stop the sampling', () => {
  const { see, records } = harness({ sampleEveryMs: 1000 })
  see(['A.x', 1, 100.5], ['A.x', 2, 101.5])
  see(['A.x', 3, 0.5], ['A.x', 4, 1.5])
  see(['A.x', 5, 9e6], ['A.x', 6, 9e6 + 1])
  const seconds = records.map((r) => (r.timeUs - START_US) / SECOND_US)
  assert.deepEqual(seconds, [101, 1, 2, 9e6 + 1])
})

test('on change: the first value, then only moves beyond the dead-band', () => {
  const { see, records } = harness({ onChange: { deadband: 1, minIntervalMs: 0 } })
  see(['G.gear', 1, 0], ['G.gear', 1, 1], ['G.gear', 2, 2], ['G.gear', 3.5, 3], ['G.gear', 2, 4])
  assert.deepEqual(
    records.map((r) => [r.content.value, r.content.was]),
    [
      [1, undefined],
      [3.5, 1],
      [2, 3.5],
    ],
  )
})

test('on change: no more often than minIntervalMs, and a clock going back is no reason to be silent', () => {
  const { see, records } = harness({ onChange: { deadband: 0, minIntervalMs: 1000 } })
  see(['G.gear', 1, 10], ['G.gear', 2, 10.5], ['G.gear', 3, 11], ['G.gear', 4, 2])
  assert.deepEqual(
    records.map((r) => r.content.value),
    [1, 3, 4],
  )
})

test('patterns choose signals, and NaN travels as a string', () => {
  const { see, signals } = harness({ sampleEveryMs: 1000, signals: ['Engine.*', '*.Speed'] })
  see(['Engine.Rpm', Number.NaN, 0.1], ['Body.Speed', 3, 0.2], ['Body.Door', 1, 0.3], ['Z.z', 0, 1])
  assert.deepEqual(signals(), [{ 'Engine.Rpm': 'NaN', 'Body.Speed': 3 }])
})
