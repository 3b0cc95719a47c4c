import { Backoff } from './backoff.ts'
import { type Batch, type BatchBuffers, recordsOf } from './batch.ts'
import { SyncError } from './errors.ts'
import type { LedgerEntry } from './ledger.ts'
import { DEFAULT_OUTBOX_LIMITS, NARROW_BYTES, transactionBytes } from './outbox/limits.ts'
import type { OutboxOptions } from './outbox/options.ts'
import { Outbox } from './outbox/outbox.ts'
import { LANES, type NewRecord } from './record.ts'
import { type Complaint, complaintOf, type OutboxState } from './status.ts'

const MIN_RETRY_MS = 100
const MAX_RETRY_MS = 10_000
/** Transactions whose duration is remembered. */
const LATENCIES = 512

const STATES: Partial<Record<SyncError['code'], OutboxState>> = {
  OUTBOX_FULL: 'disk-full',
  OUTBOX_READONLY: 'read-only',
  OUTBOX_LOCKED: 'locked',
  OUTBOX_KEY: 'locked',
  OUTBOX_CORRUPT: 'corrupt',
}

/** Said of a disk that others have filled, while the outbox lives on in what it owns. */
const NARROW: Complaint = {
  code: 'OUTBOX_FULL',
  message: 'the disk of the outbox has no room: older and less important records give way',
  hint: 'Free some space on the disk that holds the outbox, or lower outbox.maxMiB.',
}

export interface StoreEvents {
  /** Batches up to and with this one are on the disk; these buffers of theirs are free. */
  committed(batchId: number, buffers: readonly BatchBuffers[]): void
  /** The state changed, or the outbox became usable. */
  changed(): void
}

interface Part {
  readonly records: readonly NewRecord[]
  readonly losses: readonly LedgerEntry[]
  readonly bytes: number
  /** The batch that is done with this part. */
  readonly batch: Pick<Batch, 'id' | 'columns' | 'payloads'> | undefined
}

/**
 * Puts batches into the outbox, whatever the disk does: what fails is kept and tried again. What
 * waits here is bounded by who hands it in.
 */
export class Store {
  readonly #options: OutboxOptions
  readonly #events: StoreEvents
  readonly #backoff = new Backoff(MIN_RETRY_MS, MAX_RETRY_MS)
  /** Payload in one transaction. */
  readonly #maxBytes: number
  readonly #latenciesMs: number[] = []
  #outbox: Outbox | undefined
  #pending: Part[] = []
  /** A commit that failed, by how many parts and after which `seq`: the disk may have it all the same. */
  #doubt: { readonly epoch: string; readonly seq: number; readonly parts: number } | undefined
  #scheduled: NodeJS.Immediate | undefined
  #retry: NodeJS.Timeout | undefined
  #closed = false
  state: OutboxState = 'starting'
  sinceUs = Date.now() * 1000
  lastError: Complaint | undefined
  quarantinedFile: string | undefined

  constructor(options: OutboxOptions, events: StoreEvents) {
    this.#options = options
    this.#events = events
    this.#maxBytes = transactionBytes({ ...DEFAULT_OUTBOX_LIMITS, ...options.limits })
  }

  /** The outbox, where it can be used just now. */
  get outbox(): Outbox | undefined {
    return this.#outbox
  }

  /**
   * Opens the outbox. Throws where only a person can help (another vehicle's, another process's);
   * a disk that does not play along is a state, and is tried again.
   */
  open(): void {
    try {
      this.#open()
    } catch (error) {
      const code = error instanceof SyncError ? error.code : undefined
      if (code !== 'OUTBOX_FULL' && code !== 'OUTBOX_READONLY') throw error
      this.fault(error)
    }
  }

  add(batch: Batch): void {
    const records = recordsOf(batch)
    this.#pending.push(...this.#split(records, batch))
    this.#schedule()
  }

  /** Takes note of a failure, here or under another's hands, and sees to the next try. */
  fault(error: unknown): void {
    if (this.#closed) return
    this.lastError = complaintOf(error)
    const state = (error instanceof SyncError && STATES[error.code]) || 'read-only'
    // After a failed write or sync nothing that is in memory can be believed; a full disk is honest.
    if (state !== 'disk-full') {
      this.#outbox?.close()
      this.#outbox = undefined
    }
    this.#enter(state)
    this.#retry ??= setTimeout(() => this.#tryAgain(), this.#backoff.nextMs())
  }

  /** Durations of the last transactions: median and 99th percentile, milliseconds. */
  latencies(): { p50: number; p99: number } {
    const sorted = [...this.#latenciesMs].sort((a, b) => a - b)
    const at = (part: number) => sorted[Math.floor(sorted.length * part)] ?? 0
    return { p50: at(0.5), p99: at(0.99) }
  }

  /** Gives space back and keeps the file tidy; to be called every second or so. */
  tend(): void {
    try {
      this.#outbox?.tend()
      if (this.#outbox && !this.#retry) this.#recovered()
    } catch (error) {
      this.fault(error)
    }
  }

  /** Commits what is there, if the disk lets it. */
  commitAll(): void {
    while (this.#pending.length > 0 && this.#outbox && this.#commit());
  }

  close(): void {
    this.commitAll()
    this.#closed = true
    clearTimeout(this.#retry)
    if (this.#scheduled) clearImmediate(this.#scheduled)
    this.#outbox?.close()
    this.#outbox = undefined
    this.#enter('closed')
  }

  #open(): void {
    this.#outbox = Outbox.open(this.#options)
    this.#settle(this.#outbox)
    const aside = this.#outbox.quarantined
    if (aside) {
      this.quarantinedFile = aside.file
      this.lastError = {
        code: 'OUTBOX_CORRUPT',
        message: `the outbox was corrupt and is put aside as ${aside.file}`,
        hint: 'A new one was begun; what can be read is taken over from the old. Check the SD card.',
      }
    }
    this.#enter('ok')
    this.#events.changed()
  }

  /**
   * A sync that failed says nothing of what the disk holds: where the log has the whole transaction, it
   * is found when the file is opened again, and must not be written a second time.
   */
  #settle({ epoch, seq }: Outbox): void {
    const doubt = this.#doubt
    this.#doubt = undefined
    if (doubt && doubt.epoch === epoch && seq > doubt.seq) this.#kept(doubt.parts)
  }

  /** The first so many parts are on the disk. */
  #kept(count: number): void {
    const parts = this.#pending.splice(0, count)
    const done = parts.flatMap(({ batch }) => batch ?? [])
    const last = done.at(-1)
    if (last) this.#events.committed(last.id, done.map(buffersOf))
  }

  #tryAgain(): void {
    this.#retry = undefined
    try {
      if (!this.#outbox) this.#open()
      if (this.#pending.length === 0) this.#recovered()
      else this.#schedule()
    } catch (error) {
      this.fault(error)
    }
  }

  #schedule(): void {
    if (this.#scheduled || this.#retry || this.#closed || !this.#outbox) return
    // Batches that arrived together share a transaction, and sockets get their turn between two.
    this.#scheduled = setImmediate(() => {
      this.#scheduled = undefined
      if (this.#pending.length > 0 && this.#commit() && this.#pending.length > 0) this.#schedule()
    })
  }

  /** One transaction with as many parts as fit it. */
  #commit(): boolean {
    const outbox = this.#outbox
    if (!outbox) return false
    const maxBytes = outbox.narrow ? NARROW_BYTES : this.#maxBytes
    let count = 1
    let bytes = this.#pending[0].bytes
    while (count < this.#pending.length) {
      bytes += this.#pending[count].bytes
      if (bytes > maxBytes) break
      count++
    }
    const parts = this.#pending.slice(0, count)
    const startMs = performance.now()
    try {
      outbox.append(
        parts.length === 1 ? parts[0].records : parts.flatMap((part) => part.records),
        parts.flatMap((part) => part.losses),
      )
    } catch (error) {
      if (error instanceof SyncError && error.code !== 'RECORD_INVALID') {
        const { epoch, seq } = outbox
        this.fault(error)
        // Nobody writes to it before it is opened again; a disk that is full has taken nothing for sure.
        if (!this.#outbox) this.#doubt = { epoch, seq, parts: count }
        return false
      }
      // A fault in the records would come again for ever: count them, and go on.
      this.lastError = complaintOf(error)
      if (parts.some((part) => part.records.length > 0)) {
        this.#pending.splice(0, count, ...parts.map(refused))
        return true
      }
    }
    this.#remember(performance.now() - startMs)
    this.#recovered()
    this.#kept(count)
    return true
  }

  #recovered(): void {
    const narrow = this.#outbox?.narrow === true
    if (this.state === (narrow ? 'disk-full' : 'ok')) return
    this.#backoff.reset()
    if (narrow) this.lastError = NARROW
    this.#enter(narrow ? 'disk-full' : 'ok')
  }

  /** Parts of a batch that each fit one transaction. */
  #split(records: NewRecord[], batch: Batch): Part[] {
    const max = Math.min(this.#maxBytes, NARROW_BYTES)
    const parts: Part[] = []
    let from = 0
    let bytes = 0
    records.forEach((record, i) => {
      if (i > from && bytes + record.payload.length > max) {
        parts.push({ records: records.slice(from, i), losses: [], bytes, batch: undefined })
        from = i
        bytes = 0
      }
      bytes += record.payload.length
    })
    parts.push({
      records: from === 0 ? records : records.slice(from),
      losses: batch.losses,
      bytes,
      batch,
    })
    return parts
  }

  #remember(ms: number): void {
    this.#latenciesMs.push(ms)
    if (this.#latenciesMs.length > LATENCIES) this.#latenciesMs.shift()
  }

  #enter(state: OutboxState): void {
    if (state === this.state) return
    this.state = state
    this.sinceUs = Date.now() * 1000
    this.#events.changed()
  }
}

const buffersOf = ({ columns, payloads }: BatchBuffers): BatchBuffers => ({ columns, payloads })

/** The same part with its records counted instead of kept. */
function refused(part: Part): Part {
  const losses = [...part.losses]
  for (const lane of LANES) {
    const count = part.records.filter((record) => record.lane === lane).length
    if (count > 0) losses.push({ cause: 'invalid', lane, count })
  }
  return { records: [], losses, bytes: 0, batch: part.batch }
}
