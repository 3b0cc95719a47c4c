import type { Inference } from '../models/scorer.ts'
import type { FrameBatch } from '../sensors/frame.ts'
import type { ReadingBatch } from '../sensors/reading.ts'
import type { Lane } from '../sync/record.ts'
import type { Caught } from './fence.ts'
import type { SensorStatus } from './supervisor/sensor-status.ts'

/**
 * What can be watched as it passes, on the thread that the sensors deliver to: a watcher copies what it
 * needs and returns at once. Batches are reused as soon as it has.
 */
export interface Watcher {
  frames?(batch: FrameBatch): void
  /** Readings with the names and units of the config. */
  readings?(batch: ReadingBatch): void
  /** Every inference of every model, not only those that begin or end an anomaly. */
  inference?(model: string, inference: Inference): void
  /** Every record that is kept. */
  record?(lane: Lane, type: string, timeUs: number, content: Record<string, unknown>): void
  /** A sensor entered another state. */
  sensor?(status: SensorStatus): void
  /** UTC as a satellite receiver told it, and our monotonic time at that moment. */
  timeSeen?(sensor: string, utcUs: number, monoUs: number): void
}

/** Most watchers at a time; each costs a call for every batch. */
const MAX_WATCHERS = 64

/** Gives what passes to those who watch. What one of them throws is counted under its name. */
export class Taps {
  readonly #caught: Caught
  readonly #watchers = new Map<Watcher, string>()

  constructor(caught: Caught) {
    this.#caught = caught
  }

  /** Watches under a name, which is told where it throws, until the returned function is called. */
  watch(name: string, watcher: Watcher): () => void {
    if (this.#watchers.size >= MAX_WATCHERS)
      throw new RangeError(`more than ${MAX_WATCHERS} watchers`)
    this.#watchers.set(watcher, name)
    return () => this.#watchers.delete(watcher)
  }

  frames(batch: FrameBatch): void {
    if (this.#watchers.size > 0) this.#each((watcher) => watcher.frames?.(batch))
  }

  readings(batch: ReadingBatch): void {
    if (this.#watchers.size > 0) this.#each((watcher) => watcher.readings?.(batch))
  }

  inference(model: string, inference: Inference): void {
    this.#each((watcher) => watcher.inference?.(model, inference))
  }

  record(lane: Lane, type: string, timeUs: number, content: Record<string, unknown>): void {
    this.#each((watcher) => watcher.record?.(lane, type, timeUs, content))
  }

  sensor(status: SensorStatus): void {
    this.#each((watcher) => watcher.sensor?.(status))
  }

  timeSeen(sensor: string, utcUs: number, monoUs: number): void {
    this.#each((watcher) => watcher.timeSeen?.(sensor, utcUs, monoUs))
  }

  #each(call: (watcher: Watcher) => void): void {
    for (const [watcher, name] of this.#watchers) {
      try {
        call(watcher)
      } catch (error) {
        this.#caught(name, error)
      }
    }
  }
}
