import { ModelError } from '../errors.ts'

/** Vehicles of which it is remembered that a signal is in another unit. */
const MAX_REFUSED_VEHICLES = 100_000
/** Kinds of unit problems that are told apart. */
const MAX_PROBLEMS = 100

/** A signal that some vehicles gave in a unit that cannot be used. */
export interface LoggedUnitProblem {
  readonly signal: string
  readonly unit: string
  readonly wanted: string
  vehicles: number
}

/** Which signals of which vehicles are in another unit now: a log tells units now and then. */
export class LoggedUnits {
  readonly problems: LoggedUnitProblem[] = []
  readonly #wanted: readonly { readonly name: string; readonly unit: string }[]
  readonly #refused = new Map<string, Set<string>>()

  /** @param wanted the unit that each signal must have; an empty one is not checked */
  constructor(wanted: readonly { readonly name: string; readonly unit: string }[]) {
    this.#wanted = wanted.filter(({ unit }) => unit !== '')
  }

  /** Signals of this vehicle that cannot be used. */
  refused(vehicle: string): ReadonlySet<string> | undefined {
    return this.#refused.get(vehicle)
  }

  /** @throws ModelError `TRAINING_DATA` for too many vehicles with a wrong unit */
  learn(vehicle: string, units: Readonly<Record<string, unknown>>): void {
    for (const { name, unit: wanted } of this.#wanted) {
      const unit = Object.hasOwn(units, name) ? units[name] : undefined
      if (typeof unit !== 'string') continue
      const refused = this.#refused.get(vehicle)
      if (unit === wanted) refused?.delete(name)
      else if (!refused?.has(name)) {
        if (refused) refused.add(name)
        else this.#refuse(vehicle, name)
        this.#problem(name, unit, wanted)
      }
    }
  }

  /** Forgets the vehicles; what was found of them stays. */
  clear(): void {
    this.#refused.clear()
  }

  #refuse(vehicle: string, signal: string): void {
    if (this.#refused.size === MAX_REFUSED_VEHICLES) {
      throw new ModelError(
        'TRAINING_DATA',
        `more than ${MAX_REFUSED_VEHICLES} vehicles give ${signal}, or others before it, in a wrong unit`,
        { hint: 'Correct the unit in the recipe, or read a shorter range.' },
      )
    }
    this.#refused.set(vehicle, new Set([signal]))
  }

  #problem(signal: string, unit: string, wanted: string): void {
    const known = this.problems.find((one) => one.signal === signal && one.unit === unit)
    if (known) known.vehicles++
    else if (this.problems.length < MAX_PROBLEMS) {
      this.problems.push({ signal, unit, wanted, vehicles: 1 })
    }
  }
}
