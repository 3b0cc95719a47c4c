import { Backoff } from './backoff.ts'
import type { Batch, BatchBuffers } from './batch.ts'
import { SyncError } from './errors.ts'
import { Latencies } from './latencies.ts'
import { DEFAULT_OUTBOX_LIMITS, NARROW_BYTES, transactionBytes } from './outbox/limits.ts'
import type { OutboxOptions } from './outbox/options.ts'
import { Outbox } from './outbox/outbox.ts'
import { Parts } from './parts.ts'
import { type Complaint, complaintOf, type OutboxState, type OutboxTroubles } from './status.ts'

const MIN_RETRY_MS = 100
const MAX_RETRY_MS = 10_000

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

/**
 * Puts batches into the outbox, whatever the disk does: what fails is kept and tried again. What
 * waits here is bounded by who hands it in.
 */
export class Store {
  readonly #options: OutboxOptions
  readonly #events: StoreEvents
  readonly #backoff = new Backoff(MIN_RETRY_MS, MAX_RETRY_MS)
  readonly latencies = new Latencies()
  /** Payload in one transaction. */
  readonly #maxBytes: number
  readonly #pending: Parts
  #outbox: Outbox | undefined
  /** A commit that failed, by how many parts and after which `seq`: the disk may have it all the same. */
  #doubt: { readonly epoch: string; readonly seq: number; readonly parts: number } | undefined
  #scheduled: NodeJS.Immediate | undefined
  #retry: NodeJS.Timeout | undefined
  #closed = false
  state: OutboxState = 'starting'
  sinceUs = Date.now() * 1000
  lastError: Complaint | undefined
  quarantinedFile: string | undefined
  /** Every trouble there was, also one that was over before anybody looked. */
  troubles: OutboxTroubles | undefined

  constructor(options: OutboxOptions, events: StoreEvents) {
    this.#options = options
    this.#events = events
    this.#maxBytes = transactionBytes({ ...DEFAULT_OUTBOX_LIMITS, ...options.limits })
    this.#pending = new Parts(Math.min(this.#maxBytes, NARROW_BYTES))
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
    this.#pending.add(batch)
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
    while (!this.#pending.empty && this.#outbox && this.#commit());
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
    const done = this.#pending.kept(count)
    if (done) this.#events.committed(done.lastId, done.buffers)
  }

  #tryAgain(): void {
    this.#retry = undefined
    try {
      if (!this.#outbox) this.#open()
      if (this.#pending.empty) this.#recovered()
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
      if (!this.#pending.empty && this.#commit() && !this.#pending.empty) this.#schedule()
    })
  }

  /** One transaction with as many parts as fit it. */
  #commit(): boolean {
    const outbox = this.#outbox
    if (!outbox) return false
    const parts = this.#pending.first(outbox.narrow ? NARROW_BYTES : this.#maxBytes)
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
        if (!this.#outbox) this.#doubt = { epoch, seq, parts: parts.length }
        return false
      }
      // A fault in the records would come again for ever: count them, and go on.
      this.lastError = complaintOf(error)
      if (parts.some((part) => part.records.length > 0)) {
        this.#pending.refuse(parts.length)
        return true
      }
    }
    this.latencies.add(performance.now() - startMs)
    this.#recovered()
    this.#kept(parts.length)
    return true
  }

  #recovered(): void {
    const narrow = this.#outbox?.narrow === true
    if (this.state === (narrow ? 'disk-full' : 'ok')) return
    this.#backoff.reset()
    if (narrow) this.lastError = NARROW
    this.#enter(narrow ? 'disk-full' : 'ok')
  }

  #enter(state: OutboxState): void {
    if (state === this.state) return
    this.state = state
    this.sinceUs = Date.now() * 1000
    if (state !== 'ok' && state !== 'closed') {
      this.troubles = { count: (this.troubles?.count ?? 0) + 1, state, error: this.lastError }
    }
    this.#events.changed()
  }
}
