import type { PumpLimits } from './pump-limits.ts'
import { LANES, type Lane, type StoredRecord } from './record.ts'
import type { Source } from './source.ts'
import type { Positions } from './uplink.ts'

const LEAST_BATCH_RECORDS = 50
const LEAST_BATCH_BYTES = 64 * 1024
const NONE: ReadonlySet<Lane> = new Set()

/** Chooses what is sent next: `critical` first, as much as the link has shown that it can take. */
export class Picker {
  readonly #limits: PumpLimits
  #batchRecords: number
  #lingerSinceMs = 0

  constructor(limits: PumpLimits) {
    this.#limits = limits
    this.#batchRecords = limits.startBatchRecords
  }

  /** When lingering ends, on the clock of `performance.now()`; 0 where nothing lingers. */
  get lingersUntilMs(): number {
    return this.#lingerSinceMs > 0 ? this.#lingerSinceMs + this.#limits.telemetryLingerMs : 0
  }

  /** The next records to send after these positions; none while too little waits. */
  next(
    source: Source,
    positions: Positions,
    atOnce: boolean,
    held: ReadonlySet<Lane> = NONE,
  ): StoredRecord[] {
    if (!atOnce && this.#lingering(source, positions)) return []
    const { maxBatchRecords, maxBatchBytes } = this.#limits
    const batch: StoredRecord[] = []
    let bytes = Math.max(LEAST_BATCH_BYTES, (maxBatchBytes * this.#batchRecords) / maxBatchRecords)
    for (const lane of LANES) {
      const room = this.#batchRecords - batch.length
      if (room <= 0 || bytes <= 0) break
      if (held.has(lane) || !waitsIn(source, positions, lane)) continue
      const records = source.read(lane, positions[lane], room, bytes)
      for (const record of records) {
        // The first of a lane may be larger than what is left; then it opens the next batch.
        if (batch.length > 0 && record.payload.length > bytes) {
          bytes = 0
          break
        }
        batch.push(record)
        bytes -= record.payload.length
      }
    }
    this.#lingerSinceMs = 0
    return batch
  }

  /** Whether any of these lanes has something to send. */
  waits(source: Source, positions: Positions, lanes: ReadonlySet<Lane>): boolean {
    for (const lane of lanes) if (waitsIn(source, positions, lane)) return true
    return false
  }

  /** True while only telemetry waits, too little of it, and not yet for long enough. */
  #lingering(source: Source, positions: Positions): boolean {
    const { telemetryLingerMs } = this.#limits
    if (telemetryLingerMs === 0 || !waitsIn(source, positions, 'telemetry')) return false
    if (waitsIn(source, positions, 'critical') || waitsIn(source, positions, 'events')) return false
    if (source.waiting('telemetry') >= this.#batchRecords) return false
    this.#lingerSinceMs ||= performance.now()
    return performance.now() - this.#lingerSinceMs < telemetryLingerMs
  }

  /** Takes note of how long a `send` of so many records took. */
  pace(records: number, tookMs: number): void {
    const { slowSendMs, maxBatchRecords } = this.#limits
    if (tookMs > slowSendMs) {
      this.#batchRecords = Math.max(
        Math.min(LEAST_BATCH_RECORDS, maxBatchRecords),
        Math.ceil(this.#batchRecords / 2),
      )
    } else if (records >= this.#batchRecords && tookMs < slowSendMs / 4) {
      this.#batchRecords = Math.min(maxBatchRecords, this.#batchRecords * 2)
    }
  }
}

/** Whether this lane has something to send. */
export function waitsIn(source: Source, positions: Positions, lane: Lane): boolean {
  return source.waiting(lane) > 0 && source.lastSeq(lane) > positions[lane]
}
