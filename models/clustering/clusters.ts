import { ModelError } from '../errors.ts'
import { compileNearest, type Nearest } from '../runtime/clusters.ts'
import type { ClusterParts } from '../runtime.ts'
import type { Saved } from '../saved.ts'

/** How clusters learn on the vehicle. */
export interface Learning {
  /** A centre goes 1/rows of the way to a row, rows counted up to this: its memory. */
  readonly memoryRows: number
  /** A centre strays no further than so many of its trained spreads from where it was trained. */
  readonly maxShift: number
}

/** No column's mean squared deviation is taken for less: what never moved must not drown all others. */
export const MIN_SQUARE = 1e-3

/**
 * Centres that go on learning from the rows they see (sequential k-means, MacQueen 1967, with a bounded
 * memory). The state never grows: it is as large as the bundle's clusters. The same rows give the same
 * state, to the bit.
 */
export class Clusters {
  /** Rows learned from, since the bundle's training. */
  learned = 0
  /** Each column's part of the last score's square. */
  readonly errors: Float64Array
  /** Place of the centre that was nearest to the last row. */
  nearest = 0
  readonly inputs: number
  readonly #trained: ClusterParts
  readonly #learning: Learning
  readonly #find: Nearest
  #centres: Float64Array
  #squares: Float64Array
  #rows: Float64Array
  readonly #inverse: Float64Array

  constructor(trained: ClusterParts, learning: Learning) {
    this.inputs = trained.inputs
    this.#trained = trained
    this.#learning = learning
    this.#find = compileNearest(trained.count, trained.inputs)
    this.#centres = trained.centres.slice()
    this.#squares = trained.squares.slice()
    this.#rows = trained.rows.slice()
    this.#inverse = this.#squares.map((square) => 1 / square)
    this.errors = new Float64Array(trained.inputs)
  }

  /** Distance of a row to the nearest centre in terms of its spread: about 1 for a usual row. */
  score(scaled: ArrayLike<number>): number {
    this.nearest = this.#find(scaled, 0, this.#centres, this.#inverse)
    const base = this.nearest * this.inputs
    let sum = 0
    for (let i = 0; i < this.inputs; i++) {
      const difference = scaled[i] - this.#centres[base + i]
      const error = (difference * difference * this.#inverse[base + i]) / this.inputs
      this.errors[i] = error
      sum += error
    }
    return Math.sqrt(sum)
  }

  /** The nearest centre's value of a column, and its usual distance from it, scaled. */
  expected(column: number): number {
    return this.#centres[this.nearest * this.inputs + column]
  }

  usualError(column: number): number {
    return Math.sqrt(this.#squares[this.nearest * this.inputs + column])
  }

  /** Moves the centre that was nearest to the last scored row towards it. */
  learn(scaled: ArrayLike<number>): void {
    const { memoryRows, maxShift } = this.#learning
    if (memoryRows === 0) return
    const rows = Math.min(this.#rows[this.nearest] + 1, memoryRows)
    this.#rows[this.nearest] = rows
    const base = this.nearest * this.inputs
    for (let i = 0; i < this.inputs; i++) {
      const at = base + i
      const before = scaled[i] - this.#centres[at]
      const trained = this.#trained.centres[at]
      const room = maxShift * Math.sqrt(this.#trained.squares[at])
      const moved = this.#centres[at] + before / rows
      this.#centres[at] = Math.min(trained + room, Math.max(trained - room, moved))
      const after = scaled[i] - this.#centres[at]
      const square = this.#squares[at] + (before * after - this.#squares[at]) / rows
      // Nor may a spread grow until a fault fits in, or shrink until everything is unusual.
      const least = Math.max(MIN_SQUARE, this.#trained.squares[at] / MAX_SPREAD_RATIO)
      this.#squares[at] = Math.min(
        this.#trained.squares[at] * MAX_SPREAD_RATIO,
        Math.max(least, square),
      )
      this.#inverse[at] = 1 / this.#squares[at]
    }
    this.learned++
  }

  /** @param bundleHash of the bundle that it learned from: no other takes it back */
  save(bundleHash: string): Saved {
    return {
      meta: { bundleHash, learned: this.learned },
      arrays: {
        centres: Float64Array.from(this.#centres),
        squares: Float64Array.from(this.#squares),
        rows: Float64Array.from(this.#rows),
      },
    }
  }

  /** @throws ModelError `STATE_CORRUPT` where this state is not of this bundle, or is no sound one */
  restore({ meta, arrays }: Saved, bundleHash: string): void {
    const { centres, squares, rows } = arrays
    const sound =
      [centres, squares].every((array) => array?.length === this.#centres.length) &&
      rows?.length === this.#rows.length &&
      [centres, squares, rows].every((array) => array.every(Number.isFinite)) &&
      squares.every((square) => square > 0)
    if (meta.bundleHash !== bundleHash || !sound) {
      throw new ModelError(
        'STATE_CORRUPT',
        sound ? `it is of bundle ${meta.bundleHash}` : 'its numbers are none that could be learned',
        { hint: 'It is left out, and the model begins as it was trained: nothing is to be done.' },
      )
    }
    this.#centres = Float64Array.from(centres)
    this.#squares = Float64Array.from(squares)
    this.#rows = Float64Array.from(rows)
    this.#inverse.set(this.#squares.map((square) => 1 / square))
    this.learned = Number(meta.learned)
  }
}

/** A mean squared deviation stays within this many times, or parts of, the trained one. */
const MAX_SPREAD_RATIO = 4
