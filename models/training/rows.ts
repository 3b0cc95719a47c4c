import { ModelError } from '../errors.ts'
import { RowMaker } from '../features/row.ts'
import type { Saved } from '../saved.ts'
import { FailedRule } from './failed.ts'
import { randomOf, shareOf } from './random.ts'
import type { Recipe } from './recipe.ts'
import { RowStore } from './row-store.ts'

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

interface KnownVehicle {
  readonly index: number
  readonly held: boolean
  readonly maker: RowMaker
  used: boolean
}

/**
 * Sorts rows as they come: by the recipe's vehicles, its rule of failure, and into rows to train on
 * and held-out rows, split by vehicle. Memory is bounded by `maxRows`, however many come; the same rows
 * in the same order give the same result.
 */
export class RowCollector {
  readonly #recipe: Recipe
  readonly #train: RowStore
  readonly #heldOut: RowStore
  readonly #include: RegExp | undefined
  readonly #rule: FailedRule
  readonly #random: () => number
  readonly #known = new Map<string, KnownVehicle>()
  readonly #count = { records: 0, failed: 0, otherVehicles: 0, incomplete: 0, beyondLimit: 0 }
  /** 1 for each input that any row had a value for. */
  readonly #given: Uint8Array
  /** Good rows of vehicles to train on. */
  #candidates = 0

  constructor(recipe: Recipe) {
    const width = recipe.features.inputs.length
    this.#recipe = recipe
    this.#train = new RowStore(width, recipe.training.maxRows)
    this.#heldOut = new RowStore(width, recipe.split.maxRows ?? recipe.training.maxRows)
    this.#given = new Uint8Array(width)
    this.#include = recipe.vehicles && new RegExp(`^(?:${recipe.vehicles.include})$`)
    this.#rule = new FailedRule(recipe)
    this.#random = randomOf(recipe.seed)
  }

  get records(): number {
    return this.#count.records
  }

  add({ vehicle, timeUs, values }: TrainingRow): void {
    this.#count.records++
    if (this.#include && !this.#include.test(vehicle)) {
      this.#count.otherVehicles++
      return
    }
    for (let i = 0; i < values.length; i++) if (!Number.isNaN(values[i])) this.#given[i] = 1
    const one = this.#vehicle(vehicle)
    const row = one.maker.make(values, timeUs)
    if (!row) this.#count.incomplete++
    else if (this.#rule.test(vehicle, row.raw)) this.#count.failed++
    else {
      one.used = true
      if (one.held) this.#hold(one.index, timeUs, row.raw)
      else this.#learn(one.index, timeUs, row.raw)
    }
  }

  #hold(vehicle: number, timeUs: number, raw: Float64Array): void {
    if (this.#heldOut.full) this.#count.beyondLimit++
    else this.#heldOut.push(vehicle, timeUs, raw)
  }

  #learn(vehicle: number, timeUs: number, raw: Float64Array): void {
    this.#candidates++
    if (!this.#train.full) {
      this.#train.push(vehicle, timeUs, raw)
      return
    }
    // Vitter's algorithm R: every row has the same chance to be among those kept.
    this.#count.beyondLimit++
    const at = Math.floor(this.#random() * this.#candidates)
    if (at < this.#train.count) this.#train.set(at, vehicle, timeUs, raw)
  }

  #vehicle(name: string): KnownVehicle {
    const known = this.#known.get(name)
    if (known) return known
    if (this.#known.size === MAX_VEHICLES) {
      throw new ModelError('TRAINING_DATA', `more than ${MAX_VEHICLES} vehicles`, {
        hint: 'Name fewer under `vehicles` in the recipe; is the vehicle column the right one?',
      })
    }
    return this.#addVehicle(name, false)
  }

  #addVehicle(name: string, used: boolean): KnownVehicle {
    const { seed, split, features } = this.#recipe
    const held = shareOf(seed, name) < split.heldOutShare
    const added = { index: this.#known.size, held, maker: new RowMaker(features), used }
    this.#known.set(name, added)
    return added
  }

  /** @throws ModelError `TRAINING_DATA` where there is too little to train on */
  finish(): CollectedRows {
    const { records, failed, otherVehicles, incomplete } = this.#count
    const recipe = this.#recipe
    const least =
      2 * (recipe.kind === 'clustering' ? recipe.clusters.count : recipe.training.batchRows)
    if (this.#train.count < least || this.#heldOut.count === 0) {
      const empty = recipe.features.inputs.flatMap(({ name }, i) => (this.#given[i] ? [] : [name]))
      const never =
        incomplete > 0 && empty.length > 0 ? `, never a value of ${empty.join(', ')}` : ''
      throw new ModelError(
        'TRAINING_DATA',
        `${records} rows gave ${this.#train.count} to train on and ${this.#heldOut.count} held out ` +
          `(${failed} failed, ${otherVehicles} of other vehicles, ${incomplete} incomplete${never})`,
        {
          hint:
            this.#heldOut.count === 0 && this.#train.count > 0
              ? 'No vehicle fell to the share that is held out: more vehicles, a larger split.heldOutShare or another seed in the recipe.'
              : 'Take a longer range, more vehicles, or smaller batches in the recipe.',
        },
      )
    }
    const vehicles = [...this.#known.values()].filter(({ used }) => used).length
    return { train: this.#train, heldOut: this.#heldOut, vehicles, ...this.#count }
  }

  /** All of it but held values, for a source that has no missing ones. */
  save(): Saved {
    const arrays: Record<string, Saved['arrays'][string]> = {}
    for (const [name, store] of Object.entries({ train: this.#train, heldOut: this.#heldOut })) {
      arrays[`${name}.vehicle`] = store.vehicle.slice(0, store.count)
      arrays[`${name}.timeUs`] = store.timeUs.slice(0, store.count)
      arrays[`${name}.values`] = store.values.slice(0, store.count * store.width)
    }
    return {
      meta: {
        vehicles: [...this.#known].map(([name, { used }]) => [name, used]),
        failed: this.#rule.failed,
        count: this.#count,
        candidates: this.#candidates,
      },
      arrays,
    }
  }

  /** Goes on where `save` of the same recipe was called; nothing may have been added yet. */
  restore({ meta, arrays }: Saved): void {
    for (const [name, used] of meta.vehicles as [string, boolean][]) this.#addVehicle(name, used)
    for (const name of meta.failed as string[]) this.#rule.fail(name)
    Object.assign(this.#count, meta.count)
    this.#candidates = meta.candidates as number
    for (const [name, store] of Object.entries({ train: this.#train, heldOut: this.#heldOut })) {
      store.restore(
        arrays[`${name}.vehicle`] as Uint32Array,
        arrays[`${name}.timeUs`] as Float64Array,
        arrays[`${name}.values`] as Float64Array,
      )
    }
    for (let i = this.#train.count; i < this.#candidates; i++) this.#random()
  }
}

/**
 * Reads a source to its end and sorts its rows.
 * @throws ModelError `TRAINING_DATA`
 */
export async function collectRows(
  source: AsyncIterable<TrainingRow>,
  recipe: Recipe,
  progress?: (records: number) => void,
): Promise<CollectedRows> {
  const collector = new RowCollector(recipe)
  for await (const row of source) {
    collector.add(row)
    if (collector.records % 4096 === 0) progress?.(collector.records)
  }
  return collector.finish()
}
