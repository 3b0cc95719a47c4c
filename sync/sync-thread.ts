import type { Worker } from 'node:worker_threads'
import { BatchWriter } from './batch.ts'
import { SyncError, type SyncErrorCode } from './errors.ts'
import { type LedgerEntry, type LossCause, mergeEntries } from './ledger.ts'
import type { FromWorker, ToWorker, WorkerConfig } from './messages.ts'
import { DEFAULT_OUTBOX_LIMITS, type OutboxLimits, recordBytes } from './outbox/limits.ts'
import type { PumpLimits } from './pump.ts'
import { LANES, type Lane, type NewRecord } from './record.ts'
import { startWorker } from './start-worker.ts'
import type { Complaint, OutboxState, SyncStatus } from './status.ts'
import type { UplinkConfig } from './uplinks.ts'

export type { SyncStatus } from './status.ts'
export type { UplinkConfig } from './uplinks.ts'

export interface SyncOptions {
  readonly outbox: {
    /** The database file; its folder is made. */
    readonly path: string
    readonly vehicle: string
    /** Names this boot of the machine, so that monotonic times can be compared. */
    readonly bootId: string
    /**
     * Longest wait of a record before it is committed, beside the commit itself: what a power cut can
     * take. Default 50. The `critical` lane does not wait.
     */
    readonly groupCommitMs?: number
    /** Bytes of payload taken in and not yet committed; more is dropped. Default 16 MiB. */
    readonly maxQueuedBytes?: number
  } & Partial<OutboxLimits>
  readonly uplink: UplinkConfig
  readonly pump?: Partial<PumpLimits>
  /** Time given at the end to send what waits, where the uplink is live. Default 2,000. */
  readonly handoverMs?: number
  /** Time after which a close is forced. Default 10,000. */
  readonly closeTimeoutMs?: number
}

const DEFAULT_GROUP_COMMIT_MS = 50
const DEFAULT_MAX_QUEUED_BYTES = 16 * 1024 ** 2
const DEFAULT_HANDOVER_MS = 2_000
const DEFAULT_CLOSE_TIMEOUT_MS = 10_000
/** A batch of this size is handed over without waiting for the rest of its time. */
const FULL_BATCH_BYTES = 512 * 1024
const FULL_BATCH_RECORDS = 2_000
/** A queued record's own weight, beside its payload. */
const RECORD_BYTES = 48
/** The part of the queue that a lane may fill: so that telemetry never takes the place of an alarm. */
const SHARES: Record<Lane, number> = { critical: 1, events: 0.85, telemetry: 0.7 }
/** How often losses are told where no record comes to take them along. */
const LOSSES_EVERY_MS = 1_000

const CAUSES: Partial<Record<OutboxState, LossCause>> = {
  'disk-full': 'disk_full',
  'read-only': 'read_only',
}

interface Sent {
  readonly id: number
  readonly records: number
  readonly bytes: number
  readonly perLane: Record<Lane, number>
}

interface Waiter<T> {
  readonly id: number
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
}

/**
 * The way out, seen from the thread that collects: takes records in without ever waiting, and leaves
 * disk and network to a thread of its own.
 */
export class Sync {
  readonly #worker: Worker
  readonly #groupCommitMs: number
  readonly #maxQueuedBytes: number
  readonly #maxRecordBytes: number
  readonly #handoverMs: number
  readonly #closeTimeoutMs: number
  readonly #writer = new BatchWriter()
  readonly #losses = new Map<string, LedgerEntry>()
  /** Dropped here since the start, and by earlier runs. */
  readonly #dropped = noneByLane()
  readonly #droppedBefore = noneByLane()
  #sent: Sent[] = []
  #collected = noneByLane()
  #queuedRecords = 0
  #queuedBytes = 0
  #timer: NodeJS.Timeout | undefined
  #atOnce = false
  #flushes: Waiter<void>[] = []
  #repairs: Waiter<number>[] = []
  #lastRepair = 0
  #status: SyncStatus
  #closing: Promise<void> | undefined
  #ended: (() => void) | undefined
  #dead = false

  /**
   * Starts the thread and opens the outbox. Rejects with `OUTBOX_LOCKED` or `OUTBOX_FOREIGN`, where
   * only a person can help; a disk that is full or read-only is a state that passes.
   */
  static async start(options: SyncOptions): Promise<Sync> {
    const { path, vehicle, bootId, groupCommitMs, maxQueuedBytes, ...limits } = options.outbox
    const config: WorkerConfig = {
      outbox: { path, vehicle, bootId, limits: defined(limits) },
      uplink: options.uplink,
      pump: options.pump ?? {},
    }
    const worker = startWorker('sync-worker', import.meta.url, { workerData: config, name: 'sync' })
    const status = await new Promise<SyncStatus>((resolve, reject) => {
      const failed = (error: unknown) => reject(asError(error))
      worker.once('error', failed)
      worker.once('exit', (code) => failed(new Error(`the sync thread ended with code ${code}`)))
      worker.on('message', function first(message: FromWorker) {
        if (message.kind === 'started') resolve(message.status)
        else if (message.kind === 'refused') failed(message.error)
        else return
        worker.off('message', first)
      })
    })
    worker.removeAllListeners('error').removeAllListeners('exit')
    return new Sync(worker, options, status)
  }

  private constructor(worker: Worker, options: SyncOptions, status: SyncStatus) {
    const { outbox } = options
    this.#worker = worker
    this.#groupCommitMs = outbox.groupCommitMs ?? DEFAULT_GROUP_COMMIT_MS
    this.#maxQueuedBytes = outbox.maxQueuedBytes ?? DEFAULT_MAX_QUEUED_BYTES
    this.#maxRecordBytes = recordBytes({ ...DEFAULT_OUTBOX_LIMITS, ...defined(outbox) })
    this.#handoverMs = options.handoverMs ?? DEFAULT_HANDOVER_MS
    this.#closeTimeoutMs = options.closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS
    this.#status = status
    for (const lane of LANES) this.#droppedBefore[lane] = status.lanes[lane].dropped
    worker.on('message', (message: FromWorker) => this.#received(message))
    worker.on('error', (error) => this.#died(error))
    worker.on('exit', (code) => this.#died(new Error(`the sync thread ended with code ${code}`)))
  }

  /**
   * Takes a record in. Never waits and never throws: what cannot be kept is counted by lane and cause,
   * shown in status and told in the ledger. The payload may be reused when this returns.
   */
  append(record: NewRecord): void {
    const { lane } = record
    const refusal = this.#refusal(record)
    if (refusal) {
      this.#drop(lane, refusal)
      return
    }
    this.#queuedBytes += this.#writer.add(record) + RECORD_BYTES
    this.#queuedRecords++
    this.#collected[lane]++
    if (lane === 'critical') this.#handOverAtOnce()
    else if (
      this.#writer.bytes >= FULL_BATCH_BYTES ||
      this.#writer.records >= FULL_BATCH_RECORDS ||
      this.#groupCommitMs === 0
    )
      this.#handOver()
    else this.#timer ??= setTimeout(() => this.#handOver(), this.#groupCommitMs)
  }

  /**
   * Resolves when everything appended so far is committed to the disk. On a disk that is full it
   * resolves when there is room again; rejects with `OUTBOX_CLOSED` where that will not be.
   */
  flush(): Promise<void> {
    if (this.#dead) return Promise.reject(closedError())
    this.#handOver()
    if (this.#sent.length === 0) return Promise.resolve()
    const id = this.#writer.lastId
    this.#post({ kind: 'flush', batchId: id })
    return new Promise((resolve, reject) => this.#flushes.push({ id, resolve, reject }))
  }

  /** What is known now; the thread's part of it is at most about a second old. */
  status(): SyncStatus {
    const { lanes, outbox } = this.#status
    // The thread's count lags by what is on its way to it.
    const withDrops = (lane: Lane) => ({
      ...lanes[lane],
      dropped: Math.max(lanes[lane].dropped, this.#droppedBefore[lane] + this.#dropped[lane]),
    })
    return {
      ...this.#status,
      lanes: {
        critical: withDrops('critical'),
        events: withDrops('events'),
        telemetry: withDrops('telemetry'),
      },
      outbox: {
        ...outbox,
        queuedRecords: this.#queuedRecords,
        queuedBytes: this.#queuedBytes,
      },
    }
  }

  /** Lets go of the uplink, as a cable pulled; records go on being kept. */
  pauseUplink(): void {
    this.#post({ kind: 'pause' })
  }

  resumeUplink(): void {
    this.#post({ kind: 'resume' })
  }

  /**
   * Gives the waiting `unsynced` records of this boot a wall time: `timeUs = monoUs + offsetUs`.
   * Answers how many.
   */
  async repairTimes(bootId: string, offsetUs: number): Promise<number> {
    await this.flush()
    if (this.#dead) throw closedError()
    const id = ++this.#lastRepair
    return new Promise((resolve, reject) => {
      this.#repairs.push({ id, resolve, reject })
      this.#post({ kind: 'repair', id, bootId, offsetUs })
    })
  }

  /** Commits all that was appended, hands over what can be, and ends the thread; bounded in time. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.#dead) return
    this.#handOver()
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#ended = resolve
      timer = setTimeout(resolve, this.#closeTimeoutMs)
      this.#post({ kind: 'close', handoverMs: this.#handoverMs })
    })
    clearTimeout(timer)
    await this.#worker.terminate()
  }

  #refusal({ lane, type, payload }: NewRecord): LossCause | undefined {
    if (!type || !LANES.includes(lane) || this.#tooLarge(payload)) return 'invalid'
    if (this.#dead || this.#closing) return 'closed'
    // Exact for bytes; for text a lower bound, made good when it is encoded.
    const bytes = this.#queuedBytes + payload.length + RECORD_BYTES
    if (bytes <= this.#maxQueuedBytes * SHARES[lane]) return undefined
    return CAUSES[this.#status.outbox.state] ?? 'queue_full'
  }

  #tooLarge(payload: string | Uint8Array): boolean {
    if (payload.length > this.#maxRecordBytes) return true
    if (typeof payload !== 'string' || payload.length * 3 <= this.#maxRecordBytes) return false
    return Buffer.byteLength(payload) > this.#maxRecordBytes
  }

  #drop(lane: Lane, cause: LossCause): void {
    const known = LANES.includes(lane) ? lane : null
    if (known) this.#dropped[known]++
    const key = `${known} ${cause}`
    const before = this.#losses.get(key)
    this.#losses.set(key, { lane: known, cause, count: (before?.count ?? 0) + 1 })
    if (!this.#dead && !this.#closing) {
      this.#timer ??= setTimeout(() => this.#handOver(), LOSSES_EVERY_MS)
    }
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

  #handOver(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#dead || (this.#writer.records === 0 && this.#losses.size === 0)) return
    const batch = this.#writer.take(mergeEntries([...this.#losses.values()]))
    this.#losses.clear()
    const { id, records } = batch
    const bytes = batch.bytes + records * RECORD_BYTES
    this.#sent.push({ id, records, bytes, perLane: this.#collected })
    this.#collected = noneByLane()
    this.#post({ kind: 'batch', batch }, [batch.columns.buffer, batch.payloads.buffer])
  }

  #post(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    if (!this.#dead) this.#worker.postMessage(message, transfer)
  }

  #received(message: FromWorker): void {
    switch (message.kind) {
      case 'committed':
        this.#committed(message.batchId)
        break
      case 'status':
        this.#status = message.status
        break
      case 'repaired':
        this.#repairDone(message.id, (waiter) => waiter.resolve(message.records))
        break
      case 'repair-failed':
        this.#repairDone(message.id, (waiter) => waiter.reject(asError(message.error)))
        break
      case 'closed':
        this.#status = message.status
        this.#dead = true
        this.#giveUp()
        this.#ended?.()
    }
  }

  #committed(batchId: number): void {
    let count = 0
    while (count < this.#sent.length && this.#sent[count].id <= batchId) {
      this.#queuedRecords -= this.#sent[count].records
      this.#queuedBytes -= this.#sent[count].bytes
      count++
    }
    this.#sent.splice(0, count)
    const done = this.#flushes.filter(({ id }) => id <= batchId)
    if (done.length === 0) return
    this.#flushes = this.#flushes.filter(({ id }) => id > batchId)
    for (const { resolve } of done) resolve()
  }

  #repairDone(id: number, settle: (waiter: Waiter<number>) => void): void {
    const waiter = this.#repairs.find((repair) => repair.id === id)
    this.#repairs = this.#repairs.filter((repair) => repair !== waiter)
    if (waiter) settle(waiter)
  }

  #died(error: Error): void {
    if (this.#dead) return
    this.#dead = true
    clearTimeout(this.#timer)
    const lastError: Complaint = {
      code: 'INTERNAL',
      message: error.message,
      hint: 'Records are no longer kept: restart the agent, and report this message.',
    }
    const { outbox } = this.#status
    const timeUs = Date.now() * 1000
    this.#status = {
      ...this.#status,
      timeUs,
      outbox: { ...outbox, state: 'failed', sinceUs: timeUs, lastError },
    }
    this.#giveUp()
    this.#ended?.()
  }

  /** What was handed over and never confirmed will not be: count it, and say so to who waits. */
  #giveUp(): void {
    for (const { perLane } of this.#sent) {
      for (const lane of LANES) this.#dropped[lane] += perLane[lane]
    }
    for (const lane of LANES) this.#dropped[lane] += this.#collected[lane]
    this.#sent = []
    for (const { reject } of [...this.#flushes, ...this.#repairs]) reject(closedError())
    this.#flushes = []
    this.#repairs = []
  }
}

function noneByLane(): Record<Lane, number> {
  return { critical: 0, events: 0, telemetry: 0 }
}

function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as Partial<T>
}

function closedError(): SyncError {
  return new SyncError('OUTBOX_CLOSED', 'the outbox is closed, what was not committed is lost')
}

function asError(error: unknown): Error {
  const { code, message, hint } = error as Partial<Complaint>
  if (!code || code === 'INTERNAL') return error instanceof Error ? error : new Error(message)
  return new SyncError(code as SyncErrorCode, message ?? code, { hint })
}
