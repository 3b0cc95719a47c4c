import type { FeatureSpec } from './spec.ts'

/**
 * What is usual for one vehicle: of each input with `driftMs` the mean of its rows, over all of them at
 * first and later over about so many as fit into that time. Silence leaves it as it is: a tyre that was
 * full when the vehicle was parked shall be so when it drives off.
 */
export class Drift {
  /** Inputs that ask for it. */
  readonly #inputs: readonly number[]
  readonly #memoryRows: Float64Array
  readonly #rows: Float64Array
  readonly #mean: Float64Array

  constructor({ inputs, sampleEveryMs }: FeatureSpec) {
    this.#inputs = [...inputs.keys()].filter((i) => inputs[i].driftMs !== undefined)
    this.#memoryRows = Float64Array.from(inputs, ({ driftMs = 0 }) => driftMs / sampleEveryMs)
    this.#rows = new Float64Array(inputs.length)
    this.#mean = new Float64Array(inputs.length)
  }

  /** Replaces values of a row by how far they are from what is usual, which then takes them in. */
  apply(values: Float64Array): void {
    for (const i of this.#inputs) {
      if (!Number.isFinite(values[i])) continue
      if (this.#rows[i] < this.#memoryRows[i]) this.#rows[i]++
      const off = this.#rows[i] === 1 ? 0 : values[i] - this.#mean[i]
      if (this.#rows[i] === 1) this.#mean[i] = values[i]
      else this.#mean[i] += off / this.#rows[i]
      values[i] = off
    }
  }

  reset(): void {
    this.#rows.fill(0)
  }
}
