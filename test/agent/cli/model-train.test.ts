import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { milepost } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'

const RECIPE = `
name: made-up
kind: reconstruction
seed: 1
simulation: { firstSeed: 1, vehicles: 4, secondsEach: 20 }
features:
  sampleEveryMs: 1000
  inputs:
    - { name: Rpm, signal: Engine.Rpm, unit: rpm }
    - { name: Heat, signal: EngineTemp.Coolant, unit: degC }
network: { hidden: [2] }
training: { epochs: 1, batchRows: 8, learningRate: 0.01 }
threshold: { alarms: 1, hours: 168 }
alarm: { clearRatio: 0.7, coolDownMs: 1000, minDurationMs: 0 }
`

/** Trains by the recipe, one part of it replaced. */
async function train(t: TestContext, part: string, by: string, csv?: string) {
  const dir = tempDir(t)
  const recipe = join(dir, 'recipe.yaml')
  assert.ok(RECIPE.includes(part))
  writeFileSync(recipe, RECIPE.replace(part, by))
  const rows = join(dir, 'rows.csv')
  if (csv !== undefined) writeFileSync(rows, csv)
  const from = csv === undefined ? [] : ['--csv', rows]
  const out = join(dir, 'out')
  const done = await milepost('model', 'train', '--recipe', recipe, ...from, '--out', out)
  return { ...done, written: existsSync(out) }
}

test('a wrong unit in simulated drives is told as what it is, from another thread', async (t) => {
  const { code, stderr, written } = await train(t, 'unit: degC', 'unit: K')
  assert.match(stderr, /^TRAINING_DATA: EngineTemp\.Coolant is in degC, not K$/m)
  assert.match(stderr, /^Next: Correct the unit in the recipe\.$/m)
  assert.deepEqual({ code, written }, { code: 1, written: false })
})

test('a signal that the vehicle does not have is named, with what was meant', async (t) => {
  const { code, stderr, written } = await train(t, 'EngineTemp.Coolant', 'EngineTemp.Colant')
  assert.match(
    stderr,
    /^TRAINING_DATA: no reading ever came of EngineTemp\.Colant \(input Heat\)$/m,
  )
  assert.match(stderr, /^Next: Did you mean EngineTemp\.Coolant\?/m)
  assert.deepEqual({ code, written }, { code: 1, written: false })
})

test('so is one that a default would have stood for in every row', async (t) => {
  const by = 'name: Cargo, missing: { rule: default, value: 0 }'
  const part = 'name: Heat, signal: EngineTemp.Coolant, unit: degC'
  const { code, stderr } = await train(t, part, by)
  assert.match(stderr, /^TRAINING_DATA: no reading ever came of Cargo$/m)
  assert.match(
    stderr,
    /^Next: Correct the signal in the recipe: \S+vehicle\.dbc names them all\.$/m,
  )
  assert.equal(code, 1)
})

test('a column of a CSV file that is empty in every line is named', async (t) => {
  const lines = Array.from({ length: 40 }, (_, i) => `${i},`)
  const { code, stderr } = await train(t, 'made-up', 'made-up', `Rpm,Heat\n${lines.join('\n')}\n`)
  assert.match(stderr, /^TRAINING_DATA: 40 rows gave 0 .*40 incomplete, never a value of Heat\)$/ms)
  assert.equal(code, 1)
})
