import type { Tensor } from '@tensorflow/tfjs-core'
import { loadTensorFlow } from '../../models/runtime/tfjs.ts'
import { areaUnderCurve, type Judged } from '../../models/training/evaluate.ts'
import { FailedRule } from '../../models/training/failed.ts'
import type { Recipe } from '../../models/training/recipe.ts'
import type { TrainingRow } from '../../models/training/rows.ts'

/**
 * How the public demo scales its inputs to -1 … 1 (its `cardata-v3.py`, `normalize_fn`): by ranges
 * that are written into the program; those left out here it fixes at zero.
 */
const RANGES: Readonly<Record<string, readonly [min: number, max: number]>> = {
  intake_air_temp: [15, 40],
  battery_percentage: [0, 100],
  speed: [0, 50],
  engine_vibration_amplitude: [0, 7500],
  throttle_pos: [0, 1],
  tire_pressure_1_1: [20, 35],
  tire_pressure_1_2: [20, 35],
  tire_pressure_2_1: [20, 35],
  tire_pressure_2_2: [20, 35],
  accelerometer_1_1_value: [0, 7],
  accelerometer_1_2_value: [0, 7],
  accelerometer_2_1_value: [0, 7],
  accelerometer_2_2_value: [0, 7],
  control_unit_firmware: [1000, 2000],
}
const EPOCHS = 20
const BATCH_ROWS = 100

/**
 * The public demo's own model, trained as it does it on the rows that the recipe trains on: 18-14-7-7-18
 * with tanh, relu, tanh, relu, Adam, 20 epochs, batches of 100, rows in their order. Returns the area
 * under the curve on the other vehicles, for each choice of rows.
 */
export async function demoAucs(
  recipe: Recipe,
  rows: () => AsyncIterable<TrainingRow>,
  keeps: readonly ((values: Float64Array) => boolean)[],
): Promise<number[]> {
  const { core, layers, use } = await loadTensorFlow('tfjs-cpu')
  use()
  const names = recipe.features.inputs.map(({ name }) => name)
  const include = new RegExp(`^(?:${recipe.vehicles!.include})$`)
  const rule = new FailedRule(recipe)
  const train: number[][] = []
  const judged: { row: number[]; failed: boolean; kept: boolean[] }[] = []
  for await (const { vehicle, values } of rows()) {
    const failed = rule.test(vehicle, values)
    const row = names.map((name, i) => {
      const range = RANGES[name]
      return range ? ((values[i] - range[0]) / (range[1] - range[0])) * 2 - 1 : 0
    })
    if (!include.test(vehicle))
      judged.push({ row, failed, kept: keeps.map((keep) => keep(values)) })
    else if (!failed) train.push(row)
  }
  const model = layers.sequential()
  for (const [i, [units, activation]] of (
    [
      [14, 'tanh'],
      [7, 'relu'],
      [7, 'tanh'],
      [18, 'relu'],
    ] as const
  ).entries()) {
    const kernelInitializer = layers.initializers.glorotUniform({ seed: 1 + i })
    const inputShape = i === 0 ? { inputShape: [18] } : {}
    model.add(layers.layers.dense({ units, activation, kernelInitializer, ...inputShape }))
  }
  model.compile({ optimizer: core.train.adam(), loss: 'meanSquaredError' })
  const inputs = core.tensor2d(train)
  await model.fit(inputs, inputs, {
    epochs: EPOCHS,
    batchSize: BATCH_ROWS,
    shuffle: false,
    verbose: 0,
  })
  const scores = core.tidy(() => {
    const all = core.tensor2d(judged.map(({ row }) => row))
    return core.mean(core.square(core.sub(all, model.predict(all) as Tensor)), 1).dataSync()
  })
  inputs.dispose()
  model.dispose()
  return keeps.map((_, k) =>
    areaUnderCurve(
      judged.flatMap(({ failed, kept }, i): Judged[] =>
        kept[k] ? [{ score: scores[i], failed }] : [],
      ),
    ),
  )
}
