import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openNetwork } from '../../models/runtime/open.ts'
import { csvRows } from '../../models/training/csv.ts'
import { evaluateBundle } from '../../models/training/evaluate.ts'
import { readRecipe, recipeOf } from '../../models/training/recipe.ts'
import { trainBundle } from '../../models/training/train.ts'
import { demoAucs } from '../models/demo-model.ts'
import type { BenchRow } from './bench.ts'

const DATA = fileURLToPath(
  new URL('../../../shared/data/car-sensors/car-sensor-data.csv', import.meta.url),
)
const RECIPE = fileURLToPath(
  new URL('../../models/training/recipes/car-sensor.yaml', import.meta.url),
)
const SEEDS = [1, 2, 3, 4, 5]

/** Bundles of five seeds on cars that none was trained on, the worst beside the public model. */
export async function bench(): Promise<BenchRow[]> {
  if (!existsSync(DATA)) {
    console.error('  car-sensor data is not here: nothing is judged')
    return []
  }
  const { content, ...recipe } = readRecipe(RECIPE)
  const inputs = recipe.features.inputs.map(({ name }) => name)
  const { vehicle, time } = recipe.csv
  const rows = () =>
    csvRows(DATA, { inputs, vehicle, time, everyMs: recipe.features.sampleEveryMs })
  const firmware = inputs.indexOf('control_unit_firmware')
  const cases = [
    { name: 'any failure', keep: () => true },
    { name: 'within current firmware', keep: (raw: Float64Array) => raw[firmware] === 2000 },
  ]
  const found: number[][] = cases.map(() => [])
  const dir = mkdtempSync(join(tmpdir(), 'milepost-bench-'))
  for (const seed of SEEDS) {
    const seeded = recipeOf({ ...content, seed })
    const bundle = await trainBundle({
      recipe: seeded,
      rows: rows(),
      source: () => ({ kind: 'dataset', name: 'car-sensor', licence: 'Apache-2.0', files: [] }),
      out: join(dir, String(seed)),
      codeVersion: 'bench',
    })
    const open = await openNetwork(bundle)
    for (const [i, { keep }] of cases.entries()) {
      found[i].push((await evaluateBundle(bundle, open, seeded, rows(), keep)).auc)
    }
    const told = found.map((aucs) => aucs.at(-1)!.toFixed(4)).join(' and ')
    console.error(`  seed ${seed}: AUC ${told}`)
  }
  rmSync(dir, { recursive: true })
  const theirs = await demoAucs(
    readRecipe(RECIPE),
    rows,
    cases.map(({ keep }) => keep),
  )
  return cases.map(({ name }, i) => {
    const ours = Math.min(...found[i])
    return {
      name: `car-sensor, ${name}: worst of ${SEEDS.length} seeds`,
      unit: 'AUC',
      ours,
      peer: 'the public model',
      theirs: theirs[i],
      ratio: ours / theirs[i],
    }
  })
}
