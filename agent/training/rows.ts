import { LogFeatures } from '../../models/features/log.ts'
import type { FeatureSpec } from '../../models/features/spec.ts'
import type { HistoryRange } from '../../sync/kafka/history.ts'
import { type LogOptions, LogReader } from './log.ts'

/** Rows that a batch of records finished, flat; used again for the next batch. */
class RowChunk {
  count = 0
  readonly width: number
  readonly vehicle: string[] = []
  timeUs = new Float64Array(1024)
  sourceFromUs = new Float64Array(1024)
  sourceToUs = new Float64Array(1024)
  /** Raw values, row by row. */
  raw: Float64Array<ArrayBuffer>
  /** Scaled values, where the features are fitted; the raw ones else. */
  scaled: Float32Array<ArrayBuffer>

  constructor(width: number) {
    this.width = width
    this.raw = new Float64Array(1024 * width)
    this.scaled = new Float32Array(1024 * width)
  }

  /** Makes room for one more row and returns its place. */
  next(): number {
    if (this.count === this.timeUs.length) {
      const grown = <T extends Float64Array | Float32Array>(made: T, old: T): T => {
        made.set(old)
        return made
      }
      const size = this.count * 2
      this.timeUs = grown(new Float64Array(size), this.timeUs)
      this.sourceFromUs = grown(new Float64Array(size), this.sourceFromUs)
      this.sourceToUs = grown(new Float64Array(size), this.sourceToUs)
      this.raw = grown(new Float64Array(size * this.width), this.raw)
      this.scaled = grown(new Float32Array(size * this.width), this.scaled)
    }
    return this.count++
  }
}

export interface RowStep {
  /** Used again for the next step: copy what must outlive it. */
  readonly rows: RowChunk
  /** Set with the last rows of a partition. */
  readonly finished?: HistoryRange
}

/**
 * Feature rows of a topic of milepost, in the same order every time: the history joined to the same
 * features as on a vehicle.
 */
export class HistoryRows {
  readonly features: LogFeatures
  readonly log: LogReader
  readonly #chunk: RowChunk

  constructor(options: LogOptions, spec: FeatureSpec) {
    const chunk = new RowChunk(spec.inputs.length)
    this.#chunk = chunk
    this.features = new LogFeatures(spec, (vehicle, row) => {
      const at = chunk.next()
      chunk.vehicle[at] = vehicle
      chunk.timeUs[at] = row.timeUs
      chunk.sourceFromUs[at] = row.sourceFromUs
      chunk.sourceToUs[at] = row.sourceToUs
      chunk.raw.set(row.raw, at * chunk.width)
      chunk.scaled.set(row.scaled, at * chunk.width)
    })
    this.log = new LogReader(options, (readings) => this.features.push(readings))
  }

  /** @throws SyncError as `readHistory` */
  async *steps(): AsyncGenerator<RowStep, void, void> {
    for await (const { finished } of this.log.steps()) {
      // Each vehicle is read from one partition: with it, its windows are over.
      if (finished) this.features.close()
      if (this.#chunk.count > 0 || finished) yield { rows: this.#chunk, finished }
      this.#chunk.count = 0
    }
  }
}
