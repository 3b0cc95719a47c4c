import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadBundle } from '../../models/bundle/load.ts'
import { openNetwork } from '../../models/runtime/open.ts'
import { Scorers } from '../../models/scorers.ts'
import { evaluateBundle } from '../../models/training/evaluate.ts'
import { parseRecipe } from '../../models/training/recipe.ts'
import { CAR_SENSOR } from './bundles.ts'

const bundle = loadBundle(CAR_SENSOR)
const open = await openNetwork(bundle)
const { inputs } = bundle.manifest.features
const usual = Float64Array.from(bundle.manifest.golden.rows[0].raw)

/** Its first input is out of the ordinary in every failed row. */
const recipe = parseRecipe(`
name: made-up
kind: reconstruction
seed: 1
features:
  sampleEveryMs: 1000
  inputs: [${inputs.map(({ name }) => `{ name: ${name} }`).join(', ')}]
failed: { any: [{ input: ${inputs[0].name}, above: 1000000 }] }
split: { heldOutShare: 0.3 }
network: { hidden: [4, 2, 4] }
training: { epochs: 1, batchRows: 16, learningRate: 0.01 }
threshold: { alarms: 1, hours: 10 }
alarm: { clearRatio: 0.8, coolDownMs: 1000, minDurationMs: 0 }
`)

/** Rows of so many vehicles in turn; every second vehicle has failed. */
async function* rowsOf(count: number, vehicles: number) {
  const failed = usual.slice()
  failed[0] = 2_000_000
  for (let i = 0; i < count; i++) {
    yield {
      vehicle: `v${i % vehicles}`,
      timeUs: i * 1e6,
      values: (i % vehicles) % 2 === 0 ? usual : failed,
    }
  }
}

test('one vehicle more than the bound is an error that says what to do; those before it keep their alarms', () => {
  const scorers = new Scorers(bundle, open, { maxVehicles: 2 })
  const first = scorers.of('a')
  scorers.of('b')
  assert.throws(
    () => scorers.of('c'),
    ({ code, message, hint }) =>
      code === 'TRAINING_DATA' && /^more than 2 vehicles/.test(message) && /column/.test(hint),
  )
  assert.equal(scorers.of('a'), first)
  assert.equal(scorers.vehicles, 2)
})

test('an evaluation of more vehicles than the bound is that error and no figure', async () => {
  const of = (vehicles: number) =>
    evaluateBundle(bundle, open, recipe, rowsOf(8, vehicles), undefined, { maxVehicles: 3 })
  await assert.rejects(of(4), {
    code: 'TRAINING_DATA',
    message: 'more than 3 vehicles to score',
  })
  assert.equal((await of(3)).vehicles, 3)
})

test('rows beyond those that an evaluation keeps are counted, and the figures are of the first ones', async () => {
  const all = await evaluateBundle(bundle, open, recipe, rowsOf(30, 2))
  assert.deepEqual([all.clean, all.failed, all.leftOut, all.vehicles], [15, 15, 0, 2])
  const first = await evaluateBundle(bundle, open, recipe, rowsOf(30, 2), undefined, {
    maxRows: 20,
  })
  assert.deepEqual([first.clean, first.failed, first.leftOut], [10, 10, 10])
})
