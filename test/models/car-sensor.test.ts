import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadBundle } from '../../models/bundle/load.ts'
import { openNetwork } from '../../models/runtime/open.ts'
import { csvRows } from '../../models/training/csv.ts'
import { evaluateBundle } from '../../models/training/evaluate.ts'
import { readRecipe } from '../../models/training/recipe.ts'
import { CAR_SENSOR } from './bundles.ts'
import { demoAucs } from './demo-model.ts'

const DATA = fileURLToPath(
  new URL('../../../shared/data/car-sensors/car-sensor-data.csv', import.meta.url),
)
const CASES = ['any failure', 'failures within current firmware']
const recipe = readRecipe(
  fileURLToPath(new URL('../../models/training/recipes/car-sensor.yaml', import.meta.url)),
)
const columns = {
  inputs: recipe.features.inputs.map(({ name }) => name),
  vehicle: recipe.csv.vehicle,
  time: recipe.csv.time,
  everyMs: recipe.features.sampleEveryMs,
}
const FIRMWARE = columns.inputs.indexOf('control_unit_firmware')

if (!existsSync(DATA)) {
  console.log(`car-sensor data not found: ${CASES.length} cases on cars 71 to 100 not judged`)
} else {
  test('the committed bundle tells failed cars of 71 to 100, where the public model guesses', async () => {
    const bundle = loadBundle(CAR_SENSOR)
    const open = await openNetwork(bundle)
    const keeps = [() => true, (values: Float64Array) => values[FIRMWARE] === 2000]
    const theirs = await demoAucs(recipe, () => csvRows(DATA, columns), keeps)
    for (const [i, keep] of keeps.entries()) {
      const ours = await evaluateBundle(bundle, open, recipe, csvRows(DATA, columns), keep)
      console.log(
        `AUC on ${CASES[i]}: ${ours.auc.toFixed(4)} (${ours.failed} failed, ${ours.clean} clean rows), the public model ${theirs[i].toFixed(3)}`,
      )
      assert.equal(ours.vehicles, 30)
      assert.ok(ours.auc >= 0.99, `${CASES[i]}: ${ours.auc}`)
      assert.ok(ours.auc > theirs[i] + 0.02)
      assert.equal(ours.falseRows, 0)
    }
  })
}

test('the CSV reader names the columns that are missing and the line of a cell that is no number', async () => {
  const file = fileURLToPath(new URL('./cases/car-vehicles/rows.csv', import.meta.url))
  const read = async (more: object) => {
    let rows = 0
    for await (const _ of csvRows(file, { ...columns, ...more })) rows++
    return rows
  }
  assert.equal(await read({}), 26)
  await assert.rejects(read({ inputs: ['speed', 'altitude', 'mood'] }), {
    code: 'INPUT_COLUMNS',
    message: /altitude, mood/,
  })
  await assert.rejects(read({ inputs: ['car'] }), {
    code: 'INPUT_VALUES',
    message: /line 2: car is "a"/,
  })
})
