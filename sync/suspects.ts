import type { StoredRecord } from './record.ts'
import type { Positions } from './uplink.ts'

/**
 * The records of a refused batch. They are sent again in the same order, half of them at a time,
 * until the one that is refused stands alone: at most log2 of the batch's size tries.
 */
export class Suspects {
  #records: readonly StoredRecord[]

  /** One of these, at least, is refused. */
  constructor(records: readonly StoredRecord[]) {
    this.#records = records
  }

  get size(): number {
    return this.#records.length
  }

  /** The first half, at least one. */
  half(): StoredRecord[] {
    return this.#records.slice(0, Math.ceil(this.#records.length / 2))
  }

  /** Those up to these positions have been taken after all. */
  skip(positions: Positions): void {
    this.#records = this.#records.filter(({ lane, seq }) => seq > positions[lane])
  }

  /** These positions, moved on to cover every suspect. */
  reach(positions: Positions): Positions {
    const reached = { ...positions }
    for (const { lane, seq } of this.#records) reached[lane] = Math.max(reached[lane], seq)
    return reached
  }
}
