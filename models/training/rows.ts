import { ModelError } from '../errors.ts'
import { RowMaker } from '../features/row.ts'
import { FailedRule } from './failed.ts'
import { randomOf, shareOf } from './random.ts'
import type { Recipe } from './recipe.ts'

/** One raw row of one vehicle, as a source gives it. `values` may be reused by the source. */
export interface TrainingRow {
  readonly vehicle: string
  /** Microseconds since the epoch; rows of a vehicle come in this order. */
  readonly timeUs: number
  /** One raw value for each input of the recipe; NaN stands for missing. */
  readonly values: Float64Array
}

/** Vehicles told apart in one training. */
export const MAX_VEHICLES = 1_000_000

/** Rows as flat doubles, at most so many. */
export class RowStore {
  count = 0
  vehicle = new Uint32Array(0)
  timeUs = new Float64Array(0)
  values = new Float64Array(0)
  readonly width: number
  readonly #max: number

  constructor(width: number, max: number) {
    this.width = width
    this.#max = max
  }

  get full(): boolean {
    return this.count === this.#max
  }

  push(vehicle: number, timeUs: number, values: Float64Array): void {
    if (this.count === this.vehicle.length) this.#grow()
    this.set(this.count++, vehicle, timeUs, values)
  }

  set(at: number, vehicle: number, timeUs: number, values: Float64Array): void {
    this.vehicle[at] = vehicle
    this.timeUs[at] = timeUs
    this.values.set(values, at * this.width)
  }

  row(at: number): Float64Array {
    return this.values.subarray(at * this.width, (at + 1) * this.width)
  }

  #grow(): void {
    const size = Math.min(this.#max, Math.max(1024, this.count * 2))
    const grown = <T extends Uint32Array | Float64Array>(old: T, made: T): T => {
      made.set(old)
      return made
    }
    this.vehicle = grown(this.vehicle, new Uint32Array(size))
    this.timeUs = grown(this.timeUs, new Float64Array(size))
    this.values = grown(this.values, new Float64Array(size * this.width))
  }
}

export interface CollectedRows {
  /** In any order: a fair sample of at most `maxRows`. */
  readonly train: RowStore
  /** In the order of the source. */
  readonly heldOut: RowStore
  readonly records: number
  readonly failed: number
  readonly otherVehicles: number
  readonly incomplete: number
  /** Good rows that found no room. */
  readonly beyondLimit: number
  /** Vehicles with at least one row used. */
  readonly vehicles: number
}

/**
 * Reads a source once and sorts its rows: by the recipe's vehicles, its rule of failure, and into
 * rows to train on and held-out rows, split by vehicle. Memory is bounded by `maxRows`, however long
 * the source is; the same source in the same order gives the same rows.
 * @throws ModelError `TRAINING_DATA`
 */
export async function collectRows(
  source: AsyncIterable<TrainingRow>,
  recipe: Recipe,
  progress?: (records: number) => void,
): Promise<CollectedRows> {
  const width = recipe.features.inputs.length
  const { maxRows } = recipe.training
  const train = new RowStore(width, maxRows)
  const heldOut = new RowStore(width, maxRows)
  const include = recipe.vehicles && new RegExp(`^(?:${recipe.vehicles.include})$`)
  const rule = new FailedRule(recipe)
  const random = randomOf(recipe.seed)
  const known = new Map<string, { index: number; held: boolean; maker: RowMaker; used: boolean }>()
  const count = { records: 0, failed: 0, otherVehicles: 0, incomplete: 0, beyondLimit: 0 }
  let candidates = 0
  for await (const { vehicle, timeUs, values } of source) {
    count.records++
    if (count.records % 4096 === 0) progress?.(count.records)
    if (include && !include.test(vehicle)) {
      count.otherVehicles++
      continue
    }
    let one = known.get(vehicle)
    if (!one) {
      if (known.size === MAX_VEHICLES) {
        throw new ModelError('TRAINING_DATA', `more than ${MAX_VEHICLES} vehicles`, {
          hint: 'Name fewer under `vehicles` in the recipe; is the vehicle column the right one?',
        })
      }
      const held = shareOf(recipe.seed, vehicle) < recipe.split.heldOutShare
      one = { index: known.size, held, maker: new RowMaker(recipe.features), used: false }
      known.set(vehicle, one)
    }
    const row = one.maker.make(values, timeUs)
    if (!row) count.incomplete++
    else if (rule.test(vehicle, row.raw)) count.failed++
    else {
      one.used = true
      if (one.held) {
        if (heldOut.full) count.beyondLimit++
        else heldOut.push(one.index, timeUs, row.raw)
      } else if (!train.full) {
        train.push(one.index, timeUs, row.raw)
        candidates++
      } else {
        // Vitter's algorithm R: every row has the same chance to be among those kept.
        count.beyondLimit++
        const at = Math.floor(random() * ++candidates)
        if (at < maxRows) train.set(at, one.index, timeUs, row.raw)
      }
    }
  }
  if (train.count < 2 * recipe.training.batchRows || heldOut.count === 0) {
    throw new ModelError(
      'TRAINING_DATA',
      `${count.records} rows gave ${train.count} to train on and ${heldOut.count} held out ` +
        `(${count.failed} failed, ${count.otherVehicles} of other vehicles, ${count.incomplete} incomplete)`,
      { hint: 'Take a longer range, more vehicles, or smaller batches in the recipe.' },
    )
  }
  const vehicles = [...known.values()].filter(({ used }) => used).length
  return { train, heldOut, vehicles, ...count }
}
