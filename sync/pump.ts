import { Backoff, Gate, within } from './backoff.ts'
import { SyncError } from './errors.ts'
import type { Outbox } from './outbox/outbox.ts'
import { Picker } from './picker.ts'
import { DEFAULT_PUMP_LIMITS, type PumpLimits } from './pump-limits.ts'
import { LANES, type StoredRecord } from './record.ts'
import { type Complaint, complaintOf, type UplinkState, type UplinkStatus } from './status.ts'
import { Suspects } from './suspects.ts'
import { Throttle, type UplinkLimits } from './throttle.ts'
import type { Positions, Uplink } from './uplink.ts'

/** Given to calls in flight to settle once their uplink is closed. */
const AFTER_CLOSE_MS = 500

export interface PumpOptions {
  /** The word after `kind:` in the config. */
  readonly kind: string
  /** Makes a fresh uplink; connects nothing yet. */
  readonly makeUplink: () => Uplink | Promise<Uplink>
  /** The outbox, where it can be used just now. */
  readonly outbox: () => Outbox | undefined
  /** Told when the outbox failed under the pump's hands. */
  readonly onOutboxFault: (error: SyncError) => void
  /** Told at every change of state. */
  readonly onState?: () => void
  readonly limits?: Partial<PumpLimits>
  readonly throttle?: UplinkLimits
  readonly nowUs?: () => number
  readonly random?: () => number
}

/**
 * Drains the outbox into an uplink, for as long as it lives: opens, asks how far the other side got,
 * sends what follows, and after any failure waits and begins again with a fresh uplink.
 */
export class Pump {
  readonly #options: PumpOptions
  readonly #limits: PumpLimits
  readonly #nowUs: () => number
  readonly #backoff: Backoff
  readonly #gate = new Gate()
  readonly #suspects = new Suspects()
  readonly #picker: Picker
  readonly #throttle: Throttle
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
  /** For each lane the last `seq` that the other side has. */
  #positions: Positions = { critical: 0, events: 0, telemetry: 0 }
  #unreleasedSinceMs = 0

  constructor(options: PumpOptions) {
    this.#options = options
    this.#limits = { ...DEFAULT_PUMP_LIMITS, ...options.limits }
    this.#nowUs = options.nowUs ?? (() => Date.now() * 1000)
    this.#backoff = new Backoff(this.#limits.minRetryMs, this.#limits.maxRetryMs, options.random)
    this.#picker = new Picker(this.#limits)
    this.#throttle = new Throttle(options.throttle)
    this.#sinceUs = this.#nowUs()
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Tells that records were committed, or that the outbox can be used again. */
  notify(): void {
    this.#gate.wake()
  }

  /** Closes the uplink and leaves it closed; records go on being kept. */
  pause(): void {
    this.#paused = true
    this.#gate.wake()
  }

  resume(): void {
    this.#paused = false
    this.#backoff.reset()
    this.#gate.wake()
  }

  /** Sends what waits, for at most so long and only where the link is up, then lets go of it. */
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

  status(): UplinkStatus {
    return {
      kind: this.#options.kind,
      state: this.#state,
      sinceUs: this.#sinceUs,
      ...(this.#lastError && { lastError: this.#lastError }),
      sentRecords: this.#sentRecords,
      sentBytes: this.#sentBytes,
      lastAckTimeUs: this.#lastAckTimeUs,
      nextRetryTimeUs: this.#nextRetryTimeUs,
    }
  }

  async #run(): Promise<void> {
    let waitMs = 0
    while (!this.#closing) {
      const outbox = this.#options.outbox()
      if (this.#paused || !outbox) {
        this.#enter(this.#paused ? 'off' : 'offline')
        await this.#gate.wait()
        waitMs = 0
        continue
      }
      if (waitMs > 0) {
        await this.#rest(waitMs)
        waitMs = 0
        continue
      }
      waitMs = await this.#connection(outbox)
    }
    this.#enter('off')
  }

  /** One uplink from its birth to its end; answers how long to wait before the next. */
  async #connection(outbox: Outbox): Promise<number> {
    try {
      this.#enter('connecting')
      this.#uplink = await this.#options.makeUplink()
      const { vehicle, epoch } = outbox
      this.#adopt(outbox, await this.#uplink.open({ vehicle, epoch }))
      this.#enter('live')
      await this.#drain(this.#uplink, outbox)
      return 0
    } catch (error) {
      return this.#failed(error)
    } finally {
      await this.#uplink?.close()
      this.#uplink = undefined
      this.#releaseAcked(outbox)
    }
  }

  /** At the end of a connection: an uplink that cannot tell positions would get them all again. */
  #releaseAcked(outbox: Outbox): void {
    if (this.#options.outbox() !== outbox || outbox.unreleased === 0) return
    try {
      outbox.release()
    } catch (error) {
      this.#options.onOutboxFault(error as SyncError)
    }
  }

  /** Starts from what the other side says that it has. */
  #adopt(outbox: Outbox, positions: Positions): void {
    const ahead = LANES.find((lane) => positions[lane] > outbox.lastSeq(lane))
    if (ahead) {
      const detail = `the other side has ${ahead} up to ${positions[ahead]}, this file ${outbox.lastSeq(ahead)}`
      outbox.renewEpoch(detail)
      throw new SyncError('UPLINK_AHEAD', detail, {
        hint: 'The outbox was restored from an older copy; it goes on under a new epoch.',
      })
    }
    this.#positions = { ...positions }
    this.#suspects.skip(positions)
    outbox.hold(this.#suspects.reach(positions))
    outbox.release(positions)
  }

  async #drain(uplink: Uplink, outbox: Outbox): Promise<void> {
    while (!this.#paused && this.#options.outbox() === outbox) {
      const held = this.#throttle.held()
      const throttled = this.#picker.waits(outbox, this.#positions, held)
      this.#enter(throttled ? 'throttled' : 'live')
      const batch =
        this.#suspects.size > 0
          ? this.#suspects.half()
          : this.#picker.next(outbox, this.#positions, this.#closing, held)
      if (batch.length === 0) {
        if (this.#closing) break
        await this.#gate.wait(this.#idleMs(outbox, throttled))
        this.#releaseIfDue(outbox)
        continue
      }
      await this.#send(uplink, outbox, batch)
      this.#releaseIfDue(outbox)
    }
  }

  async #send(uplink: Uplink, outbox: Outbox, batch: StoredRecord[]): Promise<void> {
    const reached = { ...this.#positions }
    let bytes = 0
    for (const { lane, seq, payload } of batch) {
      reached[lane] = seq
      bytes += payload.length
    }
    outbox.hold(this.#suspects.reach(reached))
    const startMs = performance.now()
    try {
      await uplink.send(batch)
    } catch (error) {
      const rejected = error instanceof SyncError && error.code === 'UPLINK_REJECTED'
      if (rejected) this.#isolate(outbox, batch, error)
      // A batch that a narrow link cannot carry in the time it has must not come back as large.
      else this.#picker.pace(0, performance.now() - startMs)
      throw error
    }
    this.#picker.pace(batch.length, performance.now() - startMs)
    this.#positions = reached
    this.#suspects.skip(reached)
    this.#sentRecords += batch.length
    this.#sentBytes += bytes
    this.#throttle.spend(bytes)
    this.#lastAckTimeUs = this.#nowUs()
    this.#lastError = undefined
    this.#backoff.reset()
    // Reopened meanwhile: the positions that the next `open` brings will tell the new one.
    if (this.#options.outbox() !== outbox) return
    if (outbox.unreleased === 0) this.#unreleasedSinceMs = performance.now()
    outbox.acknowledge(batch)
  }

  /** A refused batch is halved until the record that is refused stands alone; that one is buried. */
  #isolate(outbox: Outbox, batch: StoredRecord[], error: SyncError): void {
    if (batch.length > 1) {
      this.#suspects.accuse(batch)
      return
    }
    this.#suspects.clear()
    if (this.#options.outbox() === outbox) outbox.bury(batch[0], error.message)
  }

  #idleMs(outbox: Outbox, throttled: boolean): number | undefined {
    const nowMs = performance.now()
    const until: number[] = throttled ? [nowMs + this.#throttle.lookAgainMs] : []
    const { lingersUntilMs } = this.#picker
    if (lingersUntilMs > 0) until.push(lingersUntilMs)
    if (outbox.unreleased > 0) {
      until.push(this.#unreleasedSinceMs + this.#limits.releaseIntervalMs)
    }
    return until.length === 0 ? undefined : Math.max(1, Math.min(...until) - nowMs)
  }

  #releaseIfDue(outbox: Outbox): void {
    if (this.#options.outbox() !== outbox || outbox.unreleased === 0) return
    const ageMs = performance.now() - this.#unreleasedSinceMs
    const { releaseRecords, releaseIntervalMs } = this.#limits
    if (outbox.unreleased >= releaseRecords || ageMs >= releaseIntervalMs) outbox.release()
  }

  #failed(error: unknown): number {
    this.#lastError = complaintOf(error)
    const code = error instanceof SyncError ? error.code : undefined
    if (code?.startsWith('OUTBOX_')) {
      this.#options.onOutboxFault(error as SyncError)
      this.#enter('offline')
      return this.#backoff.nextMs()
    }
    if (code === 'UPLINK_FENCED') {
      this.#enter('fenced')
      return this.#limits.fencedRetryMs
    }
    this.#enter('offline')
    // Those two are no fault of the link, and each try brings the end nearer.
    if (code === 'UPLINK_REJECTED' || code === 'UPLINK_AHEAD') return this.#limits.minRetryMs
    return this.#backoff.nextMs()
  }

  /** Waits for the next try; new records do not cut it short, `resume` and `close` do. */
  async #rest(ms: number): Promise<void> {
    if (this.#closing) return
    const endMs = performance.now() + ms
    this.#nextRetryTimeUs = this.#nowUs() + Math.round(ms * 1000)
    this.#options.onState?.()
    for (;;) {
      const left = endMs - performance.now()
      if (left <= 0 || this.#closing || this.#paused) break
      await this.#gate.wait(left)
    }
    this.#nextRetryTimeUs = 0
  }

  #enter(state: UplinkState): void {
    if (state === this.#state) return
    this.#state = state
    this.#sinceUs = this.#nowUs()
    this.#options.onState?.()
  }
}
