import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadBundle } from '../../models/bundle/load.ts'
import { openNetwork, presentRuntimes } from '../../models/runtime/open.ts'
import { Scorer } from '../../models/scorer.ts'
import { csvRows } from '../../models/training/csv.ts'
import { ReadingBatch, SignalCatalog } from '../../sensors/reading.ts'
import { CAR_SENSOR } from './bundles.ts'

const CASES = fileURLToPath(new URL('./cases', import.meta.url))
const BUNDLES = join(CAR_SENSOR, '..')

interface Expected {
  bundle: string
  vehicle?: string
  time?: { column: string; unit: 's' | 'ms' | 'us' }
  /** One for each row, with the first contributor where it is above; null where a missing value costs it. */
  rows: ({ above: boolean; anomaly: boolean; event?: string; top?: string } | null)[]
}

/** A case is a folder: `rows.csv` goes through a committed bundle, `expected.json` must come out. */
for (const name of readdirSync(CASES)) {
  test(`case ${name}`, async () => {
    const dir = join(CASES, name)
    const expected = JSON.parse(readFileSync(join(dir, 'expected.json'), 'utf8')) as Expected
    const bundle = loadBundle(join(BUNDLES, expected.bundle))
    const open = await openNetwork(bundle)
    const scorers = new Map<string, Scorer>()
    const found: Expected['rows'] = []
    const rows = csvRows(join(dir, 'rows.csv'), {
      inputs: bundle.manifest.features.inputs.map((input) => input.name),
      vehicle: expected.vehicle,
      time: expected.time,
      everyMs: bundle.manifest.features.sampleEveryMs,
    })
    for await (const { vehicle, timeUs, values } of rows) {
      let scorer = scorers.get(vehicle)
      if (!scorer) scorers.set(vehicle, (scorer = new Scorer(bundle, open)))
      const inference = scorer.columns(values, timeUs)
      found.push(
        inference
          ? {
              above: inference.above,
              anomaly: inference.anomaly,
              ...(inference.event ? { event: inference.event } : {}),
              ...(inference.above ? { top: inference.contributors[0].signal } : {}),
            }
          : null,
      )
    }
    assert.deepEqual(found, expected.rows)
  })
}

test('an inference names contributors in order, with shares of the score and what was expected', async () => {
  const bundle = loadBundle(CAR_SENSOR)
  const scorer = new Scorer(bundle, await openNetwork(bundle))
  const usual = bundle.manifest.golden.rows[0].raw
  const values = Float64Array.from(usual)
  const column = bundle.manifest.features.inputs.findIndex(
    (input) => input.name === 'tire_pressure_2_1',
  )
  values[column] = 12
  const inference = scorer.columns(values, 5e6)!
  const [first, ...others] = inference.contributors
  assert.equal(first.signal, 'tire_pressure_2_1')
  assert.equal(first.value, 12)
  assert.ok(first.expected > 25 && first.expected < 38, `expected ${first.expected}`)
  assert.ok(first.share > 0.5)
  let before = first.share
  for (const { share } of others) {
    assert.ok(share <= before)
    before = share
  }
  const sum = others.reduce((total, { share }) => total + share, first.share)
  assert.ok(Math.abs(sum + inference.othersShare - 1) < 1e-9, 'shares are of the whole score')
  assert.ok(first.usualError > 0 && first.usualError < 5, `usually off by ${first.usualError}`)
  assert.equal(inference.bundleHash, bundle.hash)
  assert.equal(inference.threshold, bundle.manifest.threshold.value)
  assert.equal(inference.runtime, 'compiled')
  assert.deepEqual([inference.sourceFromUs, inference.sourceToUs], [5e6, 5e6])
  assert.ok(inference.above && inference.anomaly)
  assert.equal(inference.event, 'begin')
})

test('readings and CSV rows of the same values give the same score, on each runtime', async () => {
  const bundle = loadBundle(CAR_SENSOR)
  const { features, golden } = bundle.manifest
  for (const [name, runtime] of await presentRuntimes()) {
    if (runtime instanceof Error) continue
    const open = await openNetwork(bundle, name)
    const catalog = new SignalCatalog()
    const live = new Scorer(bundle, open, { catalog })
    const file = new Scorer(bundle, open)
    const stepUs = features.sampleEveryMs * 1000
    const batch = new ReadingBatch()
    golden.rows.forEach(({ raw }, step) => {
      features.inputs.forEach(({ signal, unit }, i) => {
        batch.push(catalog.intern(signal, unit).index, raw[i], step * stepUs + 1000 * i)
      })
    })
    // Past the grace of the last row's step.
    batch.push(0, 0, (golden.rows.length + 1) * stepUs)
    const scores: number[] = []
    live.readings(batch, ({ score }) => scores.push(score))
    assert.deepEqual(
      scores,
      golden.rows.map(({ raw }, i) => file.columns(Float64Array.from(raw), i * stepUs)!.score),
    )
    open.network.dispose()
  }
})

test('a network that gives no number makes no inference, and is counted', () => {
  const bundle = loadBundle(CAR_SENSOR)
  const network = {
    inputs: 18,
    outputs: 18,
    predict: (_rows: Float32Array, _count: number, out: Float32Array) => void out.fill(Number.NaN),
    dispose() {},
  }
  const scorer = new Scorer(bundle, { network, runtime: 'compiled' })
  assert.equal(scorer.columns(Float64Array.from(bundle.manifest.golden.rows[0].raw), 0), undefined)
  assert.equal(scorer.invalid, 1)
  assert.equal(scorer.scored, 0)
})
