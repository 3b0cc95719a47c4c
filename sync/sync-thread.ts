import type { BatchBuffers } from './batch.ts'
import { SyncError } from './errors.ts'
import { Intake } from './intake.ts'
import { complaintOfDeath, KeptThread } from './kept-thread.ts'
import type { LossCause } from './ledger.ts'
import { LeftOver } from './left-over.ts'
import type { FromWorker, ToWorker, WorkerConfig } from './messages.ts'
import { LANES, type Lane, type NewRecord, noneByLane } from './record.ts'
import type { OutboxState, SyncStatus } from './status.ts'
import {
  DEFAULT_SYNC_OPTIONS,
  defined,
  recordBytesOf,
  type SyncOptions,
  type SyncTimes,
} from './sync-options.ts'
import { asError } from './thread-life.ts'
import { Waiters } from './waiters.ts'

export type { SyncStatus } from './status.ts'
export type { SyncOptions } from './sync-options.ts'
export type { UplinkConfig } from './uplinks.ts'

/** How often losses are told where no record comes to take them along. */
const LOSSES_EVERY_MS = 1_000

const CAUSES: Partial<Record<OutboxState, LossCause>> = {
  'disk-full': 'disk_full',
  'read-only': 'read_only',
}

type Thread = KeptThread<SyncStatus, FromWorker, ToWorker>

/**
 * The way out, seen from the thread that collects: takes records in without ever waiting, and leaves
 * disk and network to a thread of its own. Should that thread end, it is started again; what was in
 * its hands is told in the ledger.
 */
export class Sync {
  readonly #thread: Thread
  readonly #options: SyncTimes
  readonly #intake: Intake
  readonly #leftOver: LeftOver
  /** Dropped by earlier runs. */
  readonly #droppedBefore = noneByLane()
  #paused = false
  /** The batch that told what earlier runs could not. */
  #leftOverId = 0
  #timer: NodeJS.Timeout | undefined
  #atOnce = false
  readonly #flushes = new Waiters<void>()
  readonly #repairs = new Waiters<number>()
  #lastRepair = 0
  #status: SyncStatus
  #closing: Promise<void> | undefined
  #closed = false

  /**
   * Starts the thread and opens the outbox. Rejects with `OUTBOX_LOCKED` or `OUTBOX_FOREIGN`, where
   * only a person can help; a disk that is full or read-only is a state that passes.
   */
  static async start(options: SyncOptions): Promise<Sync> {
    const { path, vehicle, bootId, key, groupCommitMs, maxQueuedBytes, ...limits } = options.outbox
    const config: WorkerConfig = {
      outbox: { path, vehicle, bootId, limits: defined(limits), ...(key && { key }) },
      uplink: options.uplink,
      pump: options.pump ?? {},
    }
    const spec = { module: 'sync-worker', beside: import.meta.url, name: 'sync', data: config }
    const thread: Thread = new KeptThread(spec)
    return new Sync(thread, options, await thread.started)
  }

  private constructor(
    thread: Thread,
    { outbox, handoverMs, closeTimeoutMs }: SyncOptions,
    status: SyncStatus,
  ) {
    this.#thread = thread
    const given = defined({ ...outbox, handoverMs, closeTimeoutMs })
    this.#options = { ...DEFAULT_SYNC_OPTIONS, ...given }
    this.#intake = new Intake(this.#options.maxQueuedBytes, recordBytesOf(outbox))
    this.#leftOver = new LeftOver(outbox.path)
    const left = this.#leftOver.read()
    for (const lane of LANES) this.#droppedBefore[lane] = status.lanes[lane].dropped
    for (const { lane, count } of left) if (lane) this.#droppedBefore[lane] += count ?? 0
    this.#intake.tell(left)
    if (left.length > 0) this.#leftOverId = this.#intake.lastId + 1
    this.#status = status
    thread.listen({
      received: (message) => this.#received(message),
      died: (error) => this.#died(error),
      again: (now) => this.#again(now),
    })
    this.#handOver()
  }

  /**
   * Takes a record in. Never waits and never throws: what cannot be kept is counted by lane and cause,
   * shown in status and told in the ledger. The payload may be reused when this returns.
   */
  append(record: NewRecord): void {
    const { lane } = record
    const refusal = this.#refusal(record)
    if (refusal) {
      this.#intake.drop(lane, refusal)
      if (this.#closed) this.#leftOver.add(this.#intake.takeLosses())
      else this.#timer ??= setTimeout(() => this.#handOver(), LOSSES_EVERY_MS)
      return
    }
    this.#intake.add(record)
    const { groupCommitMs } = this.#options
    if (lane === 'critical') this.#handOverAtOnce()
    else if (this.#intake.full || groupCommitMs === 0) this.#handOver()
    else this.#timer ??= setTimeout(() => this.#handOver(), groupCommitMs)
  }

  /**
   * Resolves when everything appended so far is committed to the disk. On a disk that is full it
   * resolves when there is room again; rejects with `OUTBOX_CLOSED` where that will not be.
   */
  flush(): Promise<void> {
    if (this.#closed || !this.#thread.alive) return Promise.reject(closedError())
    this.#handOver()
    const id = this.#intake.unconfirmed ? this.#intake.lastId : 0
    this.#post({ kind: 'flush', batchId: id })
    return this.#flushes.wait(id)
  }

  /** What is known now; the thread's part of it is at most about a second old. */
  status(): SyncStatus {
    const { lanes, outbox } = this.#status
    const { dropped, queuedRecords, queuedBytes } = this.#intake
    // The thread's count lags by what is on its way to it.
    const withDrops = (lane: Lane) => ({
      ...lanes[lane],
      dropped: Math.max(lanes[lane].dropped, this.#droppedBefore[lane] + dropped[lane]),
    })
    return {
      ...this.#status,
      lanes: {
        critical: withDrops('critical'),
        events: withDrops('events'),
        telemetry: withDrops('telemetry'),
      },
      outbox: { ...outbox, queuedRecords, queuedBytes },
    }
  }

  /** Lets go of the uplink, as a cable pulled; records go on being kept. */
  pauseUplink(): void {
    this.#paused = true
    this.#post({ kind: 'pause' })
  }

  resumeUplink(): void {
    this.#paused = false
    this.#post({ kind: 'resume' })
  }

  /**
   * Gives the waiting `unsynced` records of this boot a wall time: `timeUs = monoUs + offsetUs`.
   * Answers how many.
   */
  async repairTimes(bootId: string, offsetUs: number): Promise<number> {
    await this.flush()
    if (this.#closed || !this.#thread.alive) throw closedError()
    const id = ++this.#lastRepair
    this.#post({ kind: 'repair', id, bootId, offsetUs })
    return this.#repairs.wait(id)
  }

  /** Commits all that was appended, hands over what can be, and ends the thread; bounded in time. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#handOver()
    const { handoverMs, closeTimeoutMs } = this.#options
    const last = await this.#thread.close({ kind: 'close', handoverMs }, closeTimeoutMs)
    if (last) this.#status = last
    this.#closed = true
    clearTimeout(this.#timer)
    this.#intake.giveUpAll()
    this.#leftOver.add(this.#intake.takeLosses())
    this.#rejectWaiting()
  }

  #refusal(record: NewRecord): LossCause | undefined {
    if (this.#intake.invalid(record)) return 'invalid'
    if (this.#closing) return 'closed'
    if (this.#intake.hasRoom(record)) return undefined
    return CAUSES[this.#status.outbox.state] ?? 'queue_full'
  }

  /** Together with whatever else this turn of the event loop appends. */
  #handOverAtOnce(): void {
    if (this.#atOnce) return
    this.#atOnce = true
    queueMicrotask(() => {
      this.#atOnce = false
      this.#handOver()
    })
  }

  /** While there is no thread, records stay collected: the queue's bound holds for them as well. */
  #handOver(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (!this.#thread.alive || this.#closed || this.#intake.empty) return
    const batch = this.#intake.take()
    this.#post({ kind: 'batch', batch }, [batch.columns.buffer, batch.payloads.buffer])
  }

  #post(message: ToWorker, transfer?: ArrayBuffer[]): void {
    this.#thread.post(message, transfer)
  }

  #again(status: SyncStatus): void {
    this.#status = status
    if (this.#paused) this.#post({ kind: 'pause' })
    this.#handOver()
  }

  #received(message: FromWorker): void {
    switch (message.kind) {
      case 'committed':
        this.#committed(message.batchId, message.buffers)
        break
      case 'flushed':
        this.#flushes.resolveUpTo(message.batchId, undefined)
        break
      case 'status':
        this.#status = message.status
        break
      case 'repaired':
        this.#repairs.resolve(message.id, message.records)
        break
      case 'repair-failed':
        this.#repairs.reject(message.id, asError(message.error))
    }
  }

  #committed(batchId: number, buffers: readonly BatchBuffers[]): void {
    this.#thread.well()
    this.#intake.committed(batchId, buffers)
    if (this.#leftOverId > 0 && batchId >= this.#leftOverId) {
      this.#leftOverId = 0
      this.#leftOver.clear()
    }
  }

  #died(error: Error): void {
    const { outbox } = this.#status
    const timeUs = Date.now() * 1000
    const lastError = complaintOfDeath(error)
    this.#status = {
      ...this.#status,
      timeUs,
      outbox: { ...outbox, state: 'failed', sinceUs: timeUs, lastError },
    }
    this.#intake.giveUpSent()
    this.#rejectWaiting()
  }

  /** What was handed over and never confirmed will not be: say so to who waits. */
  #rejectWaiting(): void {
    this.#flushes.rejectAll(closedError())
    this.#repairs.rejectAll(closedError())
  }
}

function closedError(): SyncError {
  return new SyncError('OUTBOX_CLOSED', 'the outbox is closed, what was not committed is lost')
}
