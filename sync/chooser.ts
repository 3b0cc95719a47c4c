import type { LaneCare } from './lane-care.ts'
import type { Picker } from './picker.ts'
import { LANES, type Lane, type StoredRecord } from './record.ts'
import type { Source } from './source.ts'
import type { Positions } from './uplink.ts'

/**
 * Chooses the next batch, also where something is known against a lane: lanes in care, each alone, and
 * those that are well take turns, so that neither waits for the other.
 */
export class Chooser {
  readonly #picker: Picker
  readonly #care: LaneCare
  #turnOfCare = false

  constructor(picker: Picker, care: LaneCare) {
    this.#picker = picker
    this.#care = care
  }

  /** After these positions, without the lanes that are held back; none where nothing is to be sent now. */
  next(
    source: Source,
    positions: Positions,
    atOnce: boolean,
    paced: ReadonlySet<Lane>,
  ): StoredRecord[] {
    const blocked = this.#care.blocked()
    const inCare = this.#care.inCare()
    if (blocked.length + inCare.length === 0) {
      return this.#picker.next(source, positions, atOnce, paced)
    }
    this.#turnOfCare = !this.#turnOfCare
    const held = new Set([...paced, ...blocked])
    const without = new Set([...held, ...inCare])
    const well = () => this.#picker.next(source, positions, atOnce, without)
    const inNeed = () => this.#inNeed(source, positions, inCare, held)
    const [first, second] = this.#turnOfCare ? [well, inNeed] : [inNeed, well]
    const batch = first()
    return batch.length > 0 ? batch : second()
  }

  #inNeed(
    source: Source,
    positions: Positions,
    inCare: readonly Lane[],
    held: ReadonlySet<Lane>,
  ): StoredRecord[] {
    for (const lane of inCare) {
      if (held.has(lane)) continue
      const half = this.#care.half(lane)
      if (half.length > 0) return half
      const others = new Set(LANES.filter((other) => other !== lane))
      const alone = this.#picker.next(source, positions, true, others)
      if (alone.length > 0) return alone
    }
    return []
  }
}
