import { type Batch, type BatchBuffers, BatchWriter } from './batch.ts'
import { type LedgerEntry, type LossCause, mergeEntries } from './ledger.ts'
import { LANES, type Lane, type NewRecord, noneByLane } from './record.ts'

/** A batch of this size is handed over without waiting for the rest of its time. */
const FULL_BATCH_BYTES = 512 * 1024
const FULL_BATCH_RECORDS = 2_000
/** A queued record's own weight, beside its payload. */
const RECORD_BYTES = 48
/** The part of the queue that a lane may fill: so that telemetry never takes the place of an alarm. */
const SHARES: Record<Lane, number> = { critical: 1, events: 0.85, telemetry: 0.7 }

/** What a 64-bit integer column and a double both hold to the microsecond. */
const MAX_TIME = Number.MAX_SAFE_INTEGER

interface Sent {
  readonly id: number
  readonly records: number
  readonly bytes: number
  readonly perLane: Record<Lane, number>
  readonly losses: readonly LedgerEntry[]
}

/**
 * What was taken in and is not yet on the disk: collected, handed over, and lost. Bounded; what does
 * not fit is counted by lane and cause until a batch takes the count along.
 */
export class Intake {
  readonly #maxQueuedBytes: number
  readonly #maxRecordBytes: number
  readonly #writer = new BatchWriter()
  readonly #losses = new Map<string, LedgerEntry>()
  #sent: Sent[] = []
  #collected = noneByLane()
  /** Lost here since the start. */
  readonly dropped = noneByLane()
  queuedRecords = 0
  queuedBytes = 0

  constructor(maxQueuedBytes: number, maxRecordBytes: number) {
    this.#maxQueuedBytes = maxQueuedBytes
    this.#maxRecordBytes = maxRecordBytes
  }

  /** Whether the collected records should go at once. */
  get full(): boolean {
    return this.#writer.bytes >= FULL_BATCH_BYTES || this.#writer.records >= FULL_BATCH_RECORDS
  }

  get empty(): boolean {
    return this.#writer.records === 0 && this.#losses.size === 0
  }

  get unconfirmed(): boolean {
    return this.#sent.length > 0
  }

  get lastId(): number {
    return this.#writer.lastId
  }

  /** Why a record cannot be taken, apart from a lack of room. */
  invalid({ lane, type, payload, timeUs, monoUs }: NewRecord): boolean {
    // A time that SQLite cannot hold would take the whole transaction with it.
    const timed = Math.abs(timeUs) <= MAX_TIME && Math.abs(monoUs) <= MAX_TIME
    return !type || !LANES.includes(lane) || !timed || this.#tooLarge(payload)
  }

  hasRoom({ lane, payload }: NewRecord): boolean {
    // Exact for bytes; for text a lower bound, made good when it is encoded.
    const bytes = this.queuedBytes + payload.length + RECORD_BYTES
    return bytes <= this.#maxQueuedBytes * SHARES[lane]
  }

  add(record: NewRecord): void {
    this.queuedBytes += this.#writer.add(record) + RECORD_BYTES
    this.queuedRecords++
    this.#collected[record.lane]++
  }

  drop(lane: Lane, cause: LossCause): void {
    const known = LANES.includes(lane) ? lane : null
    if (known) this.dropped[known]++
    this.tell([{ lane: known, cause, count: 1 }])
  }

  /** Puts these losses, counted elsewhere, into the next batch. */
  tell(entries: readonly LedgerEntry[]): void {
    for (const entry of entries) {
      const key = JSON.stringify([entry.lane, entry.cause, entry.epoch])
      const before = this.#losses.get(key)
      this.#losses.set(key, before ? mergeEntries([before, entry])[0] : entry)
    }
  }

  /** The next batch, to be handed over now. */
  take(): Batch {
    const batch = this.#writer.take(this.takeLosses())
    const { id, records, losses } = batch
    const bytes = batch.bytes + records * RECORD_BYTES
    this.#sent.push({ id, records, bytes, perLane: this.#collected, losses })
    this.#collected = noneByLane()
    return batch
  }

  takeLosses(): LedgerEntry[] {
    const losses = [...this.#losses.values()]
    this.#losses.clear()
    return losses
  }

  /** Batches up to and with this one are on the disk; their buffers are free. */
  committed(batchId: number, buffers: readonly BatchBuffers[]): void {
    this.#writer.giveBack(buffers)
    while (this.#sent.length > 0 && this.#sent[0].id <= batchId) this.#forget(this.#sent.shift()!)
  }

  /**
   * What was handed over and not confirmed will not be: it counts as lost. (A commit whose word did
   * not come through leaves records that are both kept and counted: said in the detail.)
   */
  giveUpSent(): void {
    const detail = 'handed over to a thread that ended; some of them may have been kept'
    for (const sent of this.#sent.splice(0)) {
      this.tell(sent.losses)
      this.#lose(sent.perLane, detail)
      this.#forget(sent)
    }
  }

  /** The same for what was only collected: there is nobody left to hand it to. */
  giveUpAll(): void {
    this.giveUpSent()
    this.#lose(this.#collected)
    this.#collected = noneByLane()
    this.#writer.take([])
    this.queuedRecords = this.queuedBytes = 0
  }

  #lose(perLane: Record<Lane, number>, detail?: string): void {
    for (const lane of LANES) {
      const count = perLane[lane]
      if (count === 0) continue
      this.dropped[lane] += count
      this.tell([{ lane, cause: 'closed', count, ...(detail && { detail }) }])
    }
  }

  #forget({ records, bytes }: Sent): void {
    this.queuedRecords -= records
    this.queuedBytes -= bytes
  }

  #tooLarge(payload: string | Uint8Array): boolean {
    if (payload.length > this.#maxRecordBytes) return true
    if (typeof payload !== 'string' || payload.length * 3 <= this.#maxRecordBytes) return false
    return Buffer.byteLength(payload) > this.#maxRecordBytes
  }
}
