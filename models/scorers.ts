import type { Bundle } from './bundle/load.ts'
import { ModelError } from './errors.ts'
import type { OpenNetwork } from './runtime/open.ts'
import { Scorer, type ScorerOptions } from './scorer.ts'

/** Vehicles scored at once: each has rows and an alarm of its own, which no other may give way for. */
export const MAX_SCORED_VEHICLES = 100_000

/** A bundle's scorer for each vehicle of a file or a history. */
export class Scorers {
  readonly #bundle: Bundle
  readonly #open: OpenNetwork
  readonly #options: ScorerOptions
  readonly #maxVehicles: number
  readonly #byVehicle = new Map<string, Scorer>()

  constructor(
    bundle: Bundle,
    open: OpenNetwork,
    options: ScorerOptions & { readonly maxVehicles?: number } = {},
  ) {
    const { maxVehicles = MAX_SCORED_VEHICLES, ...rest } = options
    this.#bundle = bundle
    this.#open = open
    this.#options = rest
    this.#maxVehicles = maxVehicles
  }

  get vehicles(): number {
    return this.#byVehicle.size
  }

  /**
   * The scorer of this vehicle. @throws ModelError `TRAINING_DATA` for one vehicle more than the bound:
   * one that gave way would come back without its alarm, and every figure after it would be wrong
   */
  of(vehicle: string): Scorer {
    const known = this.#byVehicle.get(vehicle)
    if (known) return known
    if (this.#byVehicle.size === this.#maxVehicles) {
      throw new ModelError(
        'TRAINING_DATA',
        `more than ${this.#maxVehicles.toLocaleString('en-US')} vehicles to score`,
        { hint: 'Is it the column that names the vehicle? Else score fewer vehicles at a time.' },
      )
    }
    const scorer = new Scorer(this.#bundle, this.#open, this.#options)
    this.#byVehicle.set(vehicle, scorer)
    return scorer
  }
}
