import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Collected } from '../../agent/collection/campaign.ts'
import { makeCampaign } from '../../agent/collection/make-campaign.ts'
import type { CampaignConfig } from '../../agent/config/schema.ts'
import { inferenceRecord } from '../../agent/models/inference-record.ts'
import { RECORD_SCHEMAS } from '../../agent/record-schemas.ts'
import type { Inference } from '../../models/scorer.ts'
import { ReadingBatch, SignalCatalog } from '../../sensors/reading.ts'
import { jsonOf } from '../../sync/avro/decoder.ts'
import { typeOf } from '../../sync/avro/type.ts'
import { LEDGER_TYPE, type LedgerEntry, ledgerRecord } from '../../sync/ledger.ts'

/** Writes content by its type's schema, every field of it, and reads it back. */
function thereAndBack(type: string, content: unknown): unknown {
  const avro = typeOf(RECORD_SCHEMAS[type])
  const json = JSON.parse(JSON.stringify(content))
  const errorHook = (path: string[]) => assert.fail(`${type} has no place for ${path.join('.')}`)
  assert.ok(avro.isValid(json, { noUndeclaredFields: true, errorHook }), type)
  return jsonOf(avro, avro.toBuffer(json))
}

test('each schema is one, with names and defaults that a registry takes', () => {
  for (const schema of Object.values(RECORD_SCHEMAS)) {
    assert.match(typeOf(schema).name ?? '', /^milepost\./)
  }
  const names = Object.values(RECORD_SCHEMAS).map(({ name }) => name)
  assert.equal(new Set(names).size, names.length)
})

test('an inference comes back as it was, with and without what is optional', () => {
  const normal = { mean: 80, spread: 5, min: 40, max: 101 }
  const inference: Inference = {
    ...{ timeUs: 1_795_000_000_000_000, score: 3.25, threshold: 1, above: true, anomaly: true },
    event: 'begin',
    contributors: [
      {
        ...{ signal: 'Engine.Coolant', share: 0.75, value: 121, expected: 91.5, unit: 'degC' },
        ...{ normal, usualError: 1.5 },
      },
    ],
    ...{ othersShare: 0.25, bundleHash: 'ab'.repeat(32), runtime: 'compiled', latencyUs: 2.5 },
    ...{ sourceFromUs: 1_794_999_999_000_000, sourceToUs: 1_795_000_000_000_000 },
  }
  for (const record of [inferenceRecord('m', inference), inferenceRecord('m', inference, 'gone')]) {
    const json = JSON.parse(JSON.stringify(record.content))
    assert.deepEqual(thereAndBack(record.type, record.content), json)
  }
})

test('a ledger comes back as it was: what is null stays null, what is absent stays absent', () => {
  const entries: LedgerEntry[] = [
    { cause: 'evicted', lane: 'telemetry', firstSeq: 1, lastSeq: 9, count: 9 },
    { cause: 'corrupt', lane: null, epoch: 'e1', count: null, detail: 'page 7' },
    {
      cause: 'rejected',
      lane: 'events',
      vehicle: 'v',
      epoch: 'e',
      firstSeq: 3,
      lastSeq: 3,
      count: 1,
    },
    { cause: 'queue_full', lane: 'events', count: 12 },
  ]
  const time = { timeUs: 0, monoUs: 0, clock: 'synced' as const }
  const content = JSON.parse(String(ledgerRecord(entries, time).payload))
  assert.deepEqual(thereAndBack(LEDGER_TYPE, content), content)
})

const CAMPAIGNS: Readonly<Record<string, Partial<CampaignConfig>>> = {
  'milepost.snapshot.v1': { sampleEveryMs: 1000 },
  'milepost.change.v1': { onChange: { deadband: 0, minIntervalMs: 0 } },
  'milepost.window.v1': { window: { everyMs: 1000, of: ['min', 'max', 'mean', 'last'] } },
  'milepost.trigger.v1': { when: 'A.x > 3' },
  'milepost.capture.v1': {
    ...{ on: 'anomaly', capture: { beforeMs: 2000, afterMs: 500, maxReadings: 1000 } },
  },
}

for (const [type, config] of Object.entries(CAMPAIGNS)) {
  test(`what campaigns write as ${type} comes back as it was`, () => {
    const catalog = new SignalCatalog()
    const known = { has: () => true, all: () => ['A.x', 'B.y'], open: true }
    const campaign = makeCampaign(
      { ...{ id: 'c', lane: 'events', staleAfterMs: 10_000, signals: ['*'] }, ...config } as never,
      { catalog, known, fetch: () => {} },
    )
    const records: Collected[] = []
    const emit = (record: Collected) => records.push(record)
    for (let n = 0; n < 10; n++) {
      const batch = new ReadingBatch()
      batch.push(catalog.intern('A.x').index, n + 0.1, (1_700_000_000 + n) * 1e6)
      batch.push(catalog.intern('B.y').index, n % 2 ? Number.NaN : n, (1_700_000_000 + n) * 1e6)
      campaign.observe(batch, emit)
      if (n === 5) campaign.anomaly?.('engine', (1_700_000_000 + n) * 1e6, 9.5, emit)
    }
    campaign.close?.(emit)
    assert.ok(records.length > 0)
    for (const { type: written, content } of records) {
      assert.equal(written, type)
      assert.deepEqual(thereAndBack(type, content), JSON.parse(JSON.stringify(content)))
    }
  })
}
