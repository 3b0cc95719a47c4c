import { FRAME_STRIDE, FrameBatch } from '../frame.ts'
import type { Clock } from '../sensor.ts'
import { waitUntil } from '../wait.ts'

/** Frames handed over at once at most. */
const MAX_FRAMES = 512

/** When frames go out: as they were recorded, so many times as fast, or as fast as it goes. */
export interface Pace {
  /** 1 is as recorded, 2 twice as fast; Infinity is flat out. */
  readonly factor: number
  /** Frame times are moved to the present. */
  readonly now: boolean
}

/** Hands frames of a log on at their time. */
export class Pacer {
  readonly #pace: Pace
  readonly #clock: Clock
  readonly #signal: AbortSignal
  readonly #deliver: (batch: FrameBatch) => void
  readonly #out = new FrameBatch(MAX_FRAMES)
  /** A recorded time and when it was due; every other frame is measured from there. */
  #anchorUs = Number.NaN
  #anchorMonoUs = 0
  #anchorWallUs = 0
  #lastUs = 0

  constructor(pace: Pace, clock: Clock, signal: AbortSignal, deliver: (batch: FrameBatch) => void) {
    this.#pace = pace
    this.#clock = clock
    this.#signal = signal
    this.#deliver = deliver
  }

  /**
   * Delivers the frames of `batch`, each at its time, with `shiftUs` added to it. Resolves when all
   * have gone out, or the signal aborted. `batch` is copied from, in pieces.
   */
  async send(batch: FrameBatch, shiftUs: number): Promise<void> {
    for (let i = 0; i < batch.count && !this.#signal.aborted; ) {
      await waitUntil(this.#clock, this.#dueMonoUs(batch.timeUs[i] + shiftUs), this.#signal)
      if (this.#signal.aborted) return
      const nowMonoUs = this.#clock.monoUs()
      const nowUs = this.#clock.nowUs()
      const out = this.#out
      out.count = 0
      while (i < batch.count && !out.full) {
        const recordedUs = batch.timeUs[i] + shiftUs
        if (out.count > 0 && this.#dueMonoUs(recordedUs) > nowMonoUs) break
        this.#lastUs = recordedUs
        copyFrame(batch, i++, out)
        out.timeUs[out.count++] = this.#pace.now ? this.#wallUs(recordedUs, nowUs) : recordedUs
      }
      this.#deliver(out)
    }
  }

  #dueMonoUs(recordedUs: number): number {
    if (this.#pace.factor === Number.POSITIVE_INFINITY) return 0
    // Where a log steps back in time, as joined logs do, it begins anew.
    if (Number.isNaN(this.#anchorUs) || recordedUs < this.#lastUs) this.#anchor(recordedUs)
    return this.#anchorMonoUs + (recordedUs - this.#anchorUs) / this.#pace.factor
  }

  #anchor(recordedUs: number): void {
    this.#anchorUs = recordedUs
    this.#anchorMonoUs = this.#clock.monoUs()
    this.#anchorWallUs = this.#clock.nowUs()
    this.#lastUs = recordedUs
  }

  #wallUs(recordedUs: number, nowUs: number): number {
    if (this.#pace.factor === Number.POSITIVE_INFINITY) return nowUs
    return Math.round(this.#anchorWallUs + (recordedUs - this.#anchorUs) / this.#pace.factor)
  }
}

/** Copies frame `i`, all but its time, to the free slot of `out`; does not count it. */
function copyFrame(batch: FrameBatch, i: number, out: FrameBatch): void {
  const slot = out.count
  out.bus[slot] = batch.bus[i]
  out.id[slot] = batch.id[i]
  out.flags[slot] = batch.flags[i]
  out.length[slot] = batch.length[i]
  let to = slot * FRAME_STRIDE
  const end = i * FRAME_STRIDE + batch.length[i]
  for (let at = i * FRAME_STRIDE; at < end; at++) out.data[to++] = batch.data[at]
}
