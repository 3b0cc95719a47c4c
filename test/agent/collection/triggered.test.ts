import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Campaign, Collected } from '../../../agent/collection/campaign.ts'
import { compileCondition } from '../../../agent/collection/condition.ts'
import { makeCampaign } from '../../../agent/collection/make-campaign.ts'
import type { Track } from '../../../agent/collection/ring.ts'
import { Trigger } from '../../../agent/collection/trigger.ts'
import type { CampaignConfig } from '../../../agent/config/schema.ts'
import { ReadingBatch, SignalCatalog } from '../../../sensors/reading.ts'

const SECOND_US = 1_000_000
const START_US = 1_700_000_000 * SECOND_US
type Row = [name: string, value: number, seconds: number]

function harness(config: Partial<CampaignConfig>) {
  const catalog = new SignalCatalog()
  const fetched: string[] = []
  const campaign = makeCampaign(
    { id: 'c', lane: 'events', staleAfterMs: 10_000, signals: ['*'], ...config },
    {
      catalog,
      known: { has: () => true, all: () => [], open: true },
      fetch: (sensor, what) => fetched.push(`${sensor} ${what}`),
    },
  )
  const records: Collected[] = []
  const emit = (record: Collected): void => void records.push(record)
  return {
    campaign: campaign as Required<Campaign>,
    records,
    fetched,
    emit,
    see: (...rows: Row[]): void => {
      const batch = new ReadingBatch()
      for (const [name, value, seconds] of rows) {
        batch.push(catalog.intern(name, 'u').index, value, START_US + seconds * SECOND_US)
      }
      campaign.observe(batch, emit)
    },
    times: (): number[] => records.map((r) => (r.timeUs - START_US) / SECOND_US),
  }
}

describe('a condition', () => {
  test('makes one record when it begins to hold, and the next after it did not', () => {
    const { see, records, times } = harness({ when: 'A.x > 10' })
    see(['B.y', 7, 0], ['A.x', 9, 1], ['A.x', 11, 2], ['A.x', 12, 3], ['A.x', 5, 4], ['A.x', 20, 5])
    assert.deepEqual(times(), [2, 5])
    assert.deepEqual(records[0], {
      type: 'milepost.trigger.v1',
      timeUs: START_US + 2 * SECOND_US,
      content: {
        campaign: 'c',
        timeUs: START_US + 2 * SECOND_US,
        cause: { when: 'A.x > 10', values: { 'A.x': 11 } },
        signals: { 'A.x': 11, 'B.y': 7 },
      },
    })
  })

  test('with until, rests until that holds: a signal that trembles triggers once', () => {
    const { see, times } = harness({ when: 'A.x > 10', until: 'A.x < 5' })
    see(['A.x', 11, 1], ['A.x', 9, 2], ['A.x', 11, 3], ['A.x', 4, 4], ['A.x', 11, 5])
    assert.deepEqual(times(), [1, 5])
  })

  test('with forMs, has to hold so long; any reading tells that the time has come', () => {
    const { see, times } = harness({ when: 'A.x > 10', forMs: 2000 })
    see(['A.x', 11, 1], ['A.x', 9, 2], ['A.x', 11, 3], ['B.y', 0, 4.9])
    assert.deepEqual(times(), [])
    see(['B.y', 0, 6])
    assert.deepEqual(times(), [5])
  })

  test('what ended before its time did not trigger, even if the same reading ends it and is late', () => {
    const { see, times } = harness({ when: 'A.x > 10', forMs: 2000 })
    see(['A.x', 11, 1], ['A.x', 9, 2.5], ['B.y', 0, 9])
    assert.deepEqual(times(), [])
  })

  test('with rearmMs, the next trigger waits, and comes if the condition still holds then', () => {
    const { see, times } = harness({ when: 'A.x > 10', rearmMs: 60_000 })
    see(
      ['A.x', 11, 1],
      ['A.x', 0, 2],
      ['A.x', 11, 3],
      ['A.x', 0, 4],
      ['A.x', 11, 5],
      ['B.y', 0, 60],
    )
    assert.deepEqual(times(), [1])
    see(['B.y', 0, 62])
    assert.deepEqual(times(), [1, 61])
  })

  test('is unknown until every signal was seen, and when one was not seen for too long', () => {
    const { see, times } = harness({ when: 'A.x > 10 || B.y > 10', staleAfterMs: 5000 })
    see(['A.x', 11, 1], ['A.x', 12, 2])
    assert.deepEqual(times(), [])
    see(['B.y', 0, 3])
    assert.deepEqual(times(), [3])
    const stale = harness({ when: 'A.x > 10 && B.y > 10', staleAfterMs: 5000 })
    stale.see(['B.y', 11, 0], ['A.x', 11, 6])
    assert.deepEqual(stale.times(), [])
  })

  test('is evaluated when one of its signals has changed, and at no other time', () => {
    const catalog = new SignalCatalog()
    const known = { has: () => true, all: () => [], open: true }
    const timing = { forUs: 0, rearmUs: 0, staleAfterUs: SECOND_US }
    const trigger = new Trigger(compileCondition('A.x > 1e9', known), undefined, timing, catalog)
    const batch = new ReadingBatch()
    const [a, b] = ['A.x', 'B.y'].map((name) => catalog.intern(name).index)
    for (let i = 0; i < 1000; i++) batch.push(i % 2 ? a : b, Math.floor(i / 100), START_US + i)
    for (let i = 0; i < batch.count; i++) trigger.observe(batch, i, trigger.slots())
    assert.equal(trigger.evaluated, 10)
  })

  test('a clock that goes back does not silence it', () => {
    const { see, times } = harness({ when: 'A.x > 10', rearmMs: 60_000 })
    see(['A.x', 11, 1000], ['A.x', 0, 1001], ['A.x', 11, 2], ['A.x', 12, 3])
    assert.deepEqual(times(), [1000, 2])
  })

  test('asks sensors for what the campaign names, once for each trigger', () => {
    const { see, fetched } = harness({
      when: 'A.x > 10',
      fetch: [
        { sensor: 'obd', what: '01 05' },
        { sensor: 'obd', what: '01 0C' },
      ],
    })
    see(['A.x', 11, 1], ['A.x', 12, 2])
    assert.deepEqual(fetched, ['obd 01 05', 'obd 01 0C'])
  })
})

describe('a capture', () => {
  const capture = { beforeMs: 2000, afterMs: 1000, maxReadings: 1000 }
  const drive = (from: number, to: number): Row[] =>
    Array.from({ length: (to - from) * 10 + 1 }, (_, i) => ['A.x', from + i / 10, from + i / 10])

  test('holds what was read some seconds before and after, and no more', () => {
    const { see, records } = harness({ when: 'A.x >= 5', capture })
    for (const row of drive(0, 10)) see(row)
    assert.equal(records.length, 1)
    const { type, content } = records[0]
    assert.equal(type, 'milepost.capture.v1')
    assert.equal(content.complete, true)
    assert.equal(content.fromUs, START_US + 3 * SECOND_US)
    const { unit, offsetsUs, values } = (content.signals as Record<string, Track>)['A.x']
    assert.equal(unit, 'u')
    assert.deepEqual(
      values,
      drive(3, 6).map(([, value]) => value),
    )
    assert.deepEqual([offsetsUs[0], offsetsUs.at(-1)], [-2 * SECOND_US, SECOND_US])
  })

  test('does not depend on how readings are batched', () => {
    const [one, all] = [
      harness({ when: 'A.x >= 5', capture }),
      harness({ when: 'A.x >= 5', capture }),
    ]
    for (const row of drive(0, 10)) one.see(row)
    all.see(...drive(0, 10))
    assert.deepEqual(one.records, all.records)
  })

  test('says so where there were more readings than it may keep', () => {
    const small = { ...capture, maxReadings: 100 }
    const { see, records } = harness({ when: 'A.x >= 5', capture: small })
    for (const [, value, seconds] of drive(0, 10)) {
      see(
        ['A.x', value, seconds],
        ['B.y', value, seconds],
        ['C.z', value, seconds],
        ['D.w', 0, seconds],
      )
    }
    assert.equal(records[0].content.complete, false)
    const tracks = Object.values(records[0].content.signals as Record<string, Track>)
    assert.equal(
      tracks.reduce((sum, { values }) => sum + values.length, 0),
      100,
    )
  })

  test('ends when readings stop coming, or the agent stops, and says that it is not whole', () => {
    for (const end of ['silence', 'stop'] as const) {
      const { see, records, campaign, emit } = harness({ when: 'A.x >= 5', capture })
      see(...drive(0, 5))
      campaign.tick(0, emit)
      campaign.tick(1.9 * SECOND_US, emit)
      assert.equal(records.length, 0)
      if (end === 'silence') campaign.tick(2.1 * SECOND_US, emit)
      else campaign.close(emit)
      assert.equal(records[0].content.complete, false)
      campaign.close(emit)
      assert.equal(records.length, 1)
    }
  })

  test('is not cut short while readings come slowly', () => {
    const { see, records, campaign, emit } = harness({ when: 'A.x >= 5', capture })
    see(...drive(0, 5))
    for (let i = 1; i <= 8; i++) {
      campaign.tick(i * 10 * SECOND_US, emit)
      see(['A.x', 5, 5 + i / 10])
    }
    assert.equal(records.length, 0)
    see(['A.x', 5, 6.1])
    assert.equal(records[0].content.complete, true)
  })

  test('is made around an anomaly too, of one model or of any', () => {
    const { see, records, campaign, emit } = harness({ on: 'anomaly', model: 'engine', capture })
    see(...drive(0, 5))
    campaign.anomaly('tyres', START_US + 4 * SECOND_US, 9, emit)
    campaign.anomaly('engine', START_US + 4 * SECOND_US, 9, emit)
    see(...drive(5, 7))
    assert.equal(records.length, 1)
    assert.deepEqual(records[0].content.cause, { anomaly: 'engine', score: 9 })
    const { values } = (records[0].content.signals as Record<string, Track>)['A.x']
    assert.deepEqual([values[0], values.at(-1)], [2, 5])
  })
})

describe('a window', () => {
  const window = {
    everyMs: 1000,
    of: ['min' as const, 'max' as const, 'mean' as const, 'last' as const],
  }

  test('tells what each signal did in it', () => {
    const { see, records } = harness({ window })
    see(
      ['A.x', 3, 0.1],
      ['A.x', -1, 0.5],
      ['A.x', 4, 0.9],
      ['B.y', Number.NaN, 0.95],
      ['A.x', 7, 1],
    )
    assert.deepEqual(records, [
      {
        type: 'milepost.window.v1',
        timeUs: START_US + SECOND_US,
        content: {
          campaign: 'c',
          fromUs: START_US,
          timeUs: START_US + SECOND_US,
          complete: true,
          signals: {
            'A.x': { count: 3, min: -1, max: 4, mean: 2, last: 4 },
            'B.y': { count: 0, last: 'NaN' },
          },
          units: { 'A.x': 'u', 'B.y': 'u' },
        },
      },
    ])
  })

  test('one that is open when the agent stops is handed over and says so', () => {
    const { see, records, campaign, emit } = harness({ window: { everyMs: 1000, of: ['mean'] } })
    see(['A.x', 3, 0.1], ['A.x', 5, 0.2])
    campaign.close(emit)
    campaign.close(emit)
    assert.deepEqual(
      records.map(({ content }) => [content.complete, content.signals]),
      [[false, { 'A.x': { count: 2, mean: 4 } }]],
    )
  })

  test('a silence makes no empty windows, and a clock that goes back begins another', () => {
    const { see, times } = harness({ window })
    see(['A.x', 1, 100.5], ['A.x', 1, 200.5], ['A.x', 1, 3.5], ['A.x', 1, 4.5])
    assert.deepEqual(times(), [101, 201, 4])
  })

  test('signals that turn up later find room', () => {
    const { see, records } = harness({ window })
    see(['A.x', 1, 0.1])
    see(...Array.from({ length: 100 }, (_, i): Row => [`S.s${i}`, i, 0.5]))
    see(['A.x', 1, 1.5])
    assert.equal(Object.keys(records[0].content.signals as object).length, 101)
  })
})
