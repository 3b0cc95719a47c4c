import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { TrainingSource } from '../../models/bundle/manifest.ts'
import { ModelError } from '../../models/errors.ts'
import type { Recipe } from '../../models/training/recipe.ts'
import type { TrainingRow } from '../../models/training/rows.ts'
import { DRIVE_START_US } from '../../sensors/simulator/drive.ts'
import { PROFILES, type Profile } from '../../sensors/simulator/driver.ts'
import { VEHICLE_DBC } from '../../sensors/simulator/vehicle-dbc.ts'
import { driveRows } from './pool.ts'

/** Time between two drives of a vehicle, so that none runs into the other. */
const BETWEEN_DRIVES_US = 86_400_000_000

/**
 * Rows of the drives that a recipe asks for, none of them with a fault.
 * @param driven is told after each drive which share of all is done
 */
export async function* simulatedRows(
  recipe: Recipe,
  driven: (part: number) => void = () => {},
): AsyncGenerator<TrainingRow> {
  const { firstSeed, vehicles, secondsEach: seconds, speeds, profiles } = simulationOf(recipe)
  const specs = Array.from({ length: vehicles }, (_, i) =>
    speeds.map((speed, turn) => ({
      seed: firstSeed + i,
      seconds,
      speed,
      profile: profileOf(profiles[i % profiles.length]),
      startUs: DRIVE_START_US + turn * BETWEEN_DRIVES_US,
    })),
  ).flat()
  const width = recipe.features.inputs.length
  let drives = 0
  for await (const { spec, timeUs, values } of driveRows(recipe.features, specs)) {
    for (let i = 0; i < timeUs.length; i++) {
      const row = values.subarray(i * width, (i + 1) * width)
      yield { vehicle: `seed-${spec.seed}`, timeUs: timeUs[i], values: row }
    }
    driven(++drives / specs.length)
  }
}

/** Where those rows come from, for the bundle. */
export function simulationSource(recipe: Recipe): TrainingSource {
  const { firstSeed, vehicles, secondsEach, speeds } = simulationOf(recipe)
  return {
    kind: 'simulation',
    description: 'drives without faults of the simulated vehicle',
    seeds: Array.from({ length: vehicles }, (_, i) => firstSeed + i),
    secondsEach,
    speeds,
    dbcSha256: createHash('sha256').update(readFileSync(VEHICLE_DBC)).digest('hex'),
  }
}

function simulationOf(recipe: Recipe): NonNullable<Recipe['simulation']> {
  if (recipe.simulation) return recipe.simulation
  throw new ModelError('TRAINING_RECIPE', 'the recipe asks for no simulated drives', {
    hint: 'Give --csv FILE, or a recipe with a `simulation` part.',
  })
}

function profileOf(name: string): Profile {
  const profile = PROFILES.find((one) => one === name)
  if (profile) return profile
  throw new ModelError('TRAINING_RECIPE', `simulation.profiles: ${name}`, {
    hint: `There are ${PROFILES.join(', ')}.`,
  })
}
