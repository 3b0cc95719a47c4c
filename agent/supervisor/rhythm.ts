/** No silence shorter than this is of note. */
const LEAST_US = 10_000_000
/** So many times its longest pause so far, and a device hangs. */
const PAUSES = 20
/** A pause up to so many times the limit was the device's own way after all, and is learned. */
const LEARNED = 4
/** Longest silence before a device is opened again. */
const MOST_US = 600_000_000

/**
 * How long a device pauses between two deliveries, as it showed itself, and when it has been silent
 * for so long that it is worth opening again. A bus that says nothing at all, as that of a parked
 * car, is opened less and less often.
 */
export class Rhythm {
  #longestUs = 0
  #heardUs: number | undefined
  #openedUs = 0
  /** Openings since the last delivery. */
  #inVain = 0

  /** It delivered something. */
  heard(monoUs: number): void {
    if (this.#heardUs !== undefined) {
      const pauseUs = monoUs - this.#heardUs
      if (pauseUs > this.#longestUs && pauseUs <= this.#usualUs() * LEARNED)
        this.#longestUs = pauseUs
    }
    this.#heardUs = monoUs
    this.#inVain = 0
  }

  /** It was opened again because it was silent. */
  reopened(monoUs: number): void {
    this.#openedUs = monoUs
    this.#inVain++
  }

  /** It was gone: that is no pause of its own. */
  lost(): void {
    this.#heardUs = undefined
  }

  /** Whether it has been silent for too long; before the first delivery nobody knows. */
  tooQuiet(monoUs: number): boolean {
    if (this.#heardUs === undefined) return false
    const limitUs = Math.min(MOST_US, this.#usualUs() * 2 ** Math.min(this.#inVain, 10))
    return monoUs - Math.max(this.#heardUs, this.#openedUs) > limitUs
  }

  #usualUs(): number {
    return Math.min(MOST_US, Math.max(LEAST_US, this.#longestUs * PAUSES))
  }
}
