import { aheadOf, behind } from './adoption.ts'
import { Chooser } from './chooser.ts'
import { SyncError } from './errors.ts'
import { isOfLane, LaneCare } from './lane-care.ts'
import { Picker, waitsIn } from './picker.ts'
import { DEFAULT_PUMP_LIMITS, type PumpLimits } from './pump-limits.ts'
import { noneByLane, type StoredRecord } from './record.ts'
import type { Source } from './source.ts'
import { type Complaint, complaintOf, type UplinkStatus } from './status.ts'
import { Throttle, type UplinkLimits } from './throttle.ts'
import type { Positions, Uplink } from './uplink.ts'
import { UplinkLoop } from './uplink-loop.ts'

export interface PumpOptions {
  /** The word after `kind:` in the config. */
  readonly kind: string
  /** Makes a fresh uplink; connects nothing yet. */
  readonly makeUplink: () => Uplink | Promise<Uplink>
  /** What is emptied, where it can be used just now. */
  readonly source: () => Source | undefined
  /** Told when the source failed under the pump's hands. */
  readonly onFault?: (error: SyncError) => void
  /** Told at every change of state. */
  readonly onState?: () => void
  readonly limits?: Partial<PumpLimits>
  readonly throttle?: UplinkLimits
  readonly nowUs?: () => number
  readonly random?: () => number
}

/**
 * Drains a source into an uplink, for as long as it lives: takes over how far the other side got,
 * and sends what follows, each lane in its order and none behind the trouble of another.
 */
export class Pump {
  readonly #options: PumpOptions
  readonly #limits: PumpLimits
  readonly #loop: UplinkLoop
  readonly #picker: Picker
  readonly #throttle: Throttle
  readonly #care: LaneCare
  readonly #chooser: Chooser
  /** The source that this connection was opened for. */
  #source: Source | undefined
  /** For each lane the last `seq` that the other side has. */
  #positions: Positions = noneByLane()
  /** The failure of which lanes or records, and not the link, are to blame. */
  #accused: SyncError | undefined
  #unreleasedSinceMs = 0
  /** Not before: the disk had no room for it. */
  #releaseAgainMs = 0
  #rejected = 0
  #lastRejection: Complaint | undefined
  #oddPositions: Complaint | undefined

  constructor(options: PumpOptions) {
    this.#options = options
    this.#limits = { ...DEFAULT_PUMP_LIMITS, ...options.limits }
    const nowUs = options.nowUs ?? (() => Date.now() * 1000)
    this.#picker = new Picker(this.#limits)
    this.#throttle = new Throttle(options.throttle)
    const { minLaneRetryMs, maxLaneRetryMs } = this.#limits
    this.#care = new LaneCare(minLaneRetryMs, maxLaneRetryMs, nowUs)
    this.#chooser = new Chooser(this.#picker, this.#care)
    const job = {
      kind: options.kind,
      makeUplink: options.makeUplink,
      origin: () => this.#origin(),
      adopt: (positions: Positions, uplink: Uplink) => this.#adopt(positions, uplink),
      drain: (uplink: Uplink) => this.#drain(uplink),
      ended: () => this.#releaseAcked(),
      failed: (error: unknown) => this.#failed(error),
      onState: options.onState,
    }
    this.#loop = new UplinkLoop(job, this.#limits, { nowUs, random: options.random })
  }

  start(): void {
    this.#loop.start()
  }

  /** Tells that records were committed, or that the source can be used again. */
  notify(): void {
    this.#loop.wake()
  }

  /** Closes the uplink and leaves it closed; records go on being kept. */
  pause(): void {
    this.#loop.pause()
  }

  resume(): void {
    this.#loop.resume()
  }

  /** Sends what waits, for at most so long and only where the link is up, then lets go of it. */
  close(handoverMs: number): Promise<void> {
    return this.#loop.close(handoverMs)
  }

  status(): UplinkStatus {
    const blocked = this.#care.told()
    return {
      ...this.#loop.status(),
      ...(blocked.length > 0 && { blocked }),
      rejectedRecords: this.#rejected,
      ...(this.#lastRejection && { lastRejection: this.#lastRejection }),
      ...(this.#oddPositions && { oddPositions: this.#oddPositions }),
    }
  }

  #origin() {
    this.#source = this.#options.source()
    return this.#source && { vehicle: this.#source.vehicle, epoch: this.#source.epoch }
  }

  /** At the end of a connection: an uplink that cannot tell positions would get them all again. */
  #releaseAcked(): void {
    const source = this.#source
    if (!source || this.#options.source() !== source || source.unreleased === 0) return
    try {
      source.release()
    } catch (error) {
      this.#options.onFault?.(error as SyncError)
    }
  }

  /** A disk too full even to delete stops no sending: what the other side has is deleted when there is room. */
  #release(source: Source, positions?: Positions): void {
    try {
      source.release(positions)
    } catch (error) {
      if (!(error instanceof SyncError) || error.code !== 'OUTBOX_FULL') throw error
      this.#releaseAgainMs = performance.now() + this.#limits.releaseIntervalMs
      this.#options.onFault?.(error)
    }
  }

  /** Starts from what the other side says that it has. */
  #adopt(positions: Positions, uplink: Uplink): void {
    const source = this.#source!
    const ahead = aheadOf(source, positions, uplink)
    const odd = ahead ?? behind(source, positions, uplink)
    if (odd) this.#oddPositions = complaintOf(odd)
    if (ahead) {
      source.renewEpoch(ahead.message)
      throw ahead
    }
    this.#positions = { ...positions }
    this.#care.skip(positions)
    for (const [lane, error] of uplink.refusals ?? []) this.#care.block(lane, error)
    source.hold(this.#care.reach(positions))
    this.#release(source, positions)
  }

  async #drain(uplink: Uplink): Promise<void> {
    const source = this.#source!
    while (this.#loop.wanted && this.#options.source() === source) {
      const paced = this.#throttle.held()
      const throttled = this.#picker.waits(source, this.#positions, paced)
      this.#loop.enter(throttled ? 'throttled' : 'live')
      // A fresh connection looks at everything anew; it takes a moment, and the others go on in it.
      if (this.#care.tryAgain((lane) => waitsIn(source, this.#positions, lane))) return
      const batch = this.#chooser.next(source, this.#positions, this.#loop.closing, paced)
      if (batch.length === 0) {
        if (this.#loop.closing) break
        await this.#loop.idle(this.#idleMs(source, throttled))
        this.#releaseIfDue(source)
        continue
      }
      await this.#send(uplink, source, batch)
      this.#releaseIfDue(source)
    }
  }

  async #send(uplink: Uplink, source: Source, batch: StoredRecord[]): Promise<void> {
    const reached = { ...this.#positions }
    let bytes = 0
    for (const { lane, seq, payload } of batch) {
      reached[lane] = seq
      bytes += payload.length
    }
    source.hold(this.#care.reach(reached))
    const startMs = performance.now()
    try {
      await uplink.send(batch)
    } catch (error) {
      if (error instanceof SyncError && isOfLane(error)) this.#accuse(source, batch, error)
      // A batch that a narrow link cannot carry in the time it has must not come back as large.
      else this.#picker.pace(0, performance.now() - startMs)
      throw error
    }
    this.#picker.pace(batch.length, performance.now() - startMs)
    this.#positions = reached
    this.#care.passed(batch, reached)
    this.#throttle.spend(bytes)
    this.#loop.acknowledged(batch.length, bytes, uplink.warning)
    // Reopened meanwhile: the positions that the next `open` brings will tell the new one.
    if (this.#options.source() !== source) return
    if (source.unreleased === 0) this.#unreleasedSinceMs = performance.now()
    source.acknowledge(batch)
  }

  #accuse(source: Source, batch: StoredRecord[], error: SyncError): void {
    this.#accused = error
    const culprit = this.#care.accuse(batch, error)
    if (!culprit) return
    this.#rejected++
    this.#lastRejection = complaintOf(error)
    if (this.#options.source() === source) source.bury(culprit, error.message)
  }

  #idleMs(source: Source, throttled: boolean): number | undefined {
    const nowMs = performance.now()
    const until: number[] = throttled ? [nowMs + this.#throttle.lookAgainMs] : []
    const { lingersUntilMs } = this.#picker
    if (lingersUntilMs > 0) until.push(lingersUntilMs)
    // A blocked lane in which nothing waits is looked at when something comes.
    const nextTryMs = this.#care.nextTryMs((lane) => waitsIn(source, this.#positions, lane))
    if (nextTryMs !== undefined) until.push(nextTryMs)
    if (source.unreleased > 0) {
      const dueMs = this.#unreleasedSinceMs + this.#limits.releaseIntervalMs
      until.push(Math.max(dueMs, this.#releaseAgainMs))
    }
    return until.length === 0 ? undefined : Math.max(1, Math.min(...until) - nowMs)
  }

  #releaseIfDue(source: Source): void {
    if (this.#options.source() !== source || source.unreleased === 0) return
    const nowMs = performance.now()
    if (nowMs < this.#releaseAgainMs) return
    const ageMs = nowMs - this.#unreleasedSinceMs
    const { releaseRecords, releaseIntervalMs } = this.#limits
    if (source.unreleased >= releaseRecords || ageMs >= releaseIntervalMs) this.#release(source)
  }

  #failed(error: unknown): number | undefined {
    if (!(error instanceof SyncError)) return undefined
    if (error.code.startsWith('OUTBOX_')) this.#options.onFault?.(error)
    // No fault of the link, and each try brings the end nearer.
    return error === this.#accused ? this.#limits.minRetryMs : undefined
  }
}
