import { Backoff, Gate, within } from './backoff.ts'
import { SyncError } from './errors.ts'
import type { Origin } from './record.ts'
import { type Complaint, complaintOf, type UplinkState, type UplinkStatus } from './status.ts'
import type { Positions, Uplink } from './uplink.ts'

/** Given to calls in flight to settle once their uplink is closed. */
const AFTER_CLOSE_MS = 500

/** What is emptied into the uplink, and how; the loop does the rest. */
export interface LoopJob {
  /** The word after `kind:` in the config. */
  readonly kind: string
  /** Makes a fresh uplink; connects nothing yet. */
  makeUplink(): Uplink | Promise<Uplink>
  /** Who sends; undefined while there is nothing to send from. `wake` when that changes. */
  origin(): Origin | undefined
  /** Takes what the other side says that it has. */
  adopt(positions: Positions, uplink: Uplink): void
  /** Sends, until there is no more to do on this connection. */
  drain(uplink: Uplink): Promise<void>
  /** The connection is over, however it ended. */
  ended?(): void
  /** Told of each failure; may answer the milliseconds until the next try. */
  failed?(error: unknown): number | undefined
  /** Told at every change of state. */
  onState?(): void
}

export interface LoopLimits {
  /** Waits between tries: at least, at most, and where another device has this name. */
  readonly minRetryMs: number
  readonly maxRetryMs: number
  readonly fencedRetryMs: number
}

/**
 * One uplink after the other for as long as this lives: opens, drains, and after any failure waits
 * and begins again with a fresh one. What is sent, and from where, is the job's.
 */
export class UplinkLoop {
  readonly #job: LoopJob
  readonly #limits: LoopLimits
  readonly #nowUs: () => number
  readonly #backoff: Backoff
  readonly #gate = new Gate()
  #running: Promise<void> | undefined
  #uplink: Uplink | undefined
  #paused = false
  #closing = false
  #state: UplinkState = 'off'
  #sinceUs: number
  #lastError: Complaint | undefined
  #sentRecords = 0
  #sentBytes = 0
  #lastAckTimeUs = 0
  #nextRetryTimeUs = 0

  constructor(
    job: LoopJob,
    limits: LoopLimits,
    { nowUs, random }: { nowUs?: () => number; random?: () => number } = {},
  ) {
    this.#job = job
    this.#limits = limits
    this.#nowUs = nowUs ?? (() => Date.now() * 1000)
    this.#backoff = new Backoff(limits.minRetryMs, limits.maxRetryMs, random)
    this.#sinceUs = this.#nowUs()
  }

  get closing(): boolean {
    return this.#closing
  }

  /** Whether a drain should go on. */
  get wanted(): boolean {
    return !this.#paused
  }

  start(): void {
    this.#running ??= this.#run()
  }

  wake(): void {
    this.#gate.wake()
  }

  /** Waits for a wake, or for so many milliseconds. */
  idle(ms?: number): Promise<void> {
    return this.#gate.wait(ms)
  }

  /** Closes the uplink and leaves it closed. */
  pause(): void {
    this.#paused = true
    this.#gate.wake()
  }

  resume(): void {
    this.#paused = false
    this.#backoff.reset()
    this.#gate.wake()
  }

  /** Drains, for at most so long and only where the link is up, then lets go of it. */
  async close(handoverMs: number): Promise<void> {
    this.#closing = true
    this.#gate.wake()
    await within(handoverMs, this.#running)
    this.#paused = true
    this.#gate.wake()
    await this.#uplink?.close()
    // A call that its uplink has left open must not keep the process.
    await within(AFTER_CLOSE_MS, this.#running)
  }

  /** Takes note of what the other side acknowledged, and of what is not as it should be all the same. */
  acknowledged(records: number, bytes: number, warning: Complaint | undefined): void {
    this.#sentRecords += records
    this.#sentBytes += bytes
    this.#lastAckTimeUs = this.#nowUs()
    this.#lastError = warning
    this.#backoff.reset()
  }

  status(): UplinkStatus {
    return {
      kind: this.#job.kind,
      state: this.#state,
      sinceUs: this.#sinceUs,
      ...(this.#lastError && { lastError: this.#lastError }),
      sentRecords: this.#sentRecords,
      sentBytes: this.#sentBytes,
      lastAckTimeUs: this.#lastAckTimeUs,
      nextRetryTimeUs: this.#nextRetryTimeUs,
    }
  }

  enter(state: UplinkState): void {
    if (state === this.#state) return
    this.#state = state
    this.#sinceUs = this.#nowUs()
    this.#job.onState?.()
  }

  async #run(): Promise<void> {
    let waitMs = 0
    while (!this.#closing) {
      const origin = this.#job.origin()
      if (this.#paused || !origin) {
        this.enter(this.#paused ? 'off' : 'offline')
        await this.#gate.wait()
        waitMs = 0
        continue
      }
      if (waitMs > 0) {
        await this.#rest(waitMs)
        waitMs = 0
        continue
      }
      waitMs = await this.#connection(origin)
    }
    this.enter('off')
  }

  /** One uplink from its birth to its end; answers how long to wait before the next. */
  async #connection(origin: Origin): Promise<number> {
    try {
      this.enter('connecting')
      this.#uplink = await this.#job.makeUplink()
      this.#job.adopt(await this.#uplink.open(origin), this.#uplink)
      this.enter('live')
      await this.#job.drain(this.#uplink)
      return 0
    } catch (error) {
      return this.#failed(error)
    } finally {
      await this.#uplink?.close()
      this.#uplink = undefined
      this.#job.ended?.()
    }
  }

  #failed(error: unknown): number {
    this.#lastError = complaintOf(error)
    const code = error instanceof SyncError ? error.code : undefined
    const waitMs = this.#job.failed?.(error)
    this.enter(code === 'UPLINK_FENCED' ? 'fenced' : 'offline')
    if (waitMs !== undefined) return waitMs
    if (code === 'UPLINK_FENCED') return this.#limits.fencedRetryMs
    // No fault of the link, and done with once the numbers are new.
    if (code === 'UPLINK_AHEAD') return this.#limits.minRetryMs
    return this.#backoff.nextMs()
  }

  /** Waits for the next try; new records do not cut it short, `resume` and `close` do. */
  async #rest(ms: number): Promise<void> {
    if (this.#closing) return
    const endMs = performance.now() + ms
    this.#nextRetryTimeUs = this.#nowUs() + Math.round(ms * 1000)
    this.#job.onState?.()
    for (;;) {
      const left = endMs - performance.now()
      if (left <= 0 || this.#closing || this.#paused) break
      await this.#gate.wait(left)
    }
    this.#nextRetryTimeUs = 0
  }
}
