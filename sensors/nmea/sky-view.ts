/** A constellation that was not told of for so long is no longer counted. */
const MAX_AGE_US = 15_000_000

/**
 * Satellites in view over all constellations: each talker (GP, GL, GA, GB, GQ …) tells of its own
 * alone, in GSV sentences.
 */
export class SkyView {
  /** By talker: at most two letters, so the map is bounded by itself. */
  readonly #seen = new Map<string, { count: number; monoUs: number }>()

  /** Takes one talker's number and returns the sum of all. */
  see(talker: string, count: number, monoUs: number): number {
    this.#seen.set(talker, { count, monoUs })
    let sum = 0
    for (const [name, seen] of this.#seen) {
      if (monoUs - seen.monoUs > MAX_AGE_US) this.#seen.delete(name)
      else sum += seen.count
    }
    return sum
  }
}
