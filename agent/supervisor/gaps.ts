/** Data that stopped: the last of it, and why. */
interface OpenGap {
  readonly fromUs: number
  readonly fromMonoUs: number
  readonly cause: string
}

/** A stretch without data that is over. */
export interface Gap {
  readonly cause: string
  /** Wall time of the last data before it. */
  readonly fromUs: number
  readonly durationMs: number
}

/** How often and for how long a sensor's data stopped because its device was lost or silent. */
export class Gaps {
  /** Wall time of the last data; 0 before the first. */
  lastDataUs = 0
  count = 0
  #lastDataMonoUs = 0
  #lengthUs = 0
  #open: OpenGap | undefined

  /** Of all of them together. */
  get lengthMs(): number {
    return Math.round(this.#lengthUs / 1000)
  }

  /** From the last data on something is missing; several failures until the next data are one gap. */
  begin(cause: string): void {
    if (this.lastDataUs === 0) return
    this.#open ??= { fromUs: this.lastDataUs, fromMonoUs: this.#lastDataMonoUs, cause }
  }

  /** There is data; answers the gap that it ends. The length is by the monotonic clock: the wall may jump. */
  heard(timeUs: number, monoUs: number): Gap | undefined {
    this.lastDataUs = timeUs
    this.#lastDataMonoUs = monoUs
    if (!this.#open) return undefined
    const { fromUs, fromMonoUs, cause } = this.#open
    this.#open = undefined
    const lengthUs = monoUs - fromMonoUs
    this.count++
    this.#lengthUs += lengthUs
    return { cause, fromUs, durationMs: Math.round(lengthUs / 1000) }
  }
}
