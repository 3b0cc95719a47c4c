import type { FailedCondition, Recipe } from './recipe.ts'

/** Tells rows of failed vehicles by a recipe's rule. Rows of a vehicle come in order of time. */
export class FailedRule {
  readonly #tests: ((raw: ArrayLike<number>) => boolean)[]
  readonly #stays: boolean
  readonly #failed = new Set<string>()

  constructor(recipe: Pick<Recipe, 'failed' | 'features'>) {
    const names = recipe.features.inputs.map(({ name }) => name)
    this.#tests = (recipe.failed?.any ?? []).map((one) => testOf(one, names))
    this.#stays = recipe.failed?.stays ?? false
  }

  /** Vehicles that have failed for good. */
  get failed(): string[] {
    return [...this.#failed]
  }

  fail(vehicle: string): void {
    this.#failed.add(vehicle)
  }

  /** True for a row of a vehicle that has failed, now or, where failures stay, before. */
  test(vehicle: string, raw: ArrayLike<number>): boolean {
    if (this.#stays && this.#failed.has(vehicle)) return true
    const failed = this.#tests.some((test) => test(raw))
    if (failed && this.#stays) this.#failed.add(vehicle)
    return failed
  }
}

function testOf(one: FailedCondition, names: string[]): (raw: ArrayLike<number>) => boolean {
  const { below, above, atLeast, equals } = one
  const [first, second] = 'ratio' in one ? one.ratio.map((name) => names.indexOf(name)) : []
  const only = 'input' in one ? names.indexOf(one.input) : -1
  return (raw) => {
    const value = only >= 0 ? raw[only] : raw[first] / raw[second]
    return (
      (below !== undefined && value < below) ||
      (above !== undefined && value > above) ||
      (atLeast !== undefined && value >= atLeast) ||
      (equals !== undefined && value === equals)
    )
  }
}
