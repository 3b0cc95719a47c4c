import { Backoff, Gate } from '../backoff.ts'
import { SyncError } from '../errors.ts'
import type { OwnerOf } from '../kafka/kafka-uplink.ts'
import { isOfLane, LaneCare } from '../lane-care.ts'
import { LANES, type Lane, type StoredRecord } from '../record.ts'
import { type Complaint, complaintOf, type UplinkState, type UplinkStatus } from '../status.ts'
import type { Positions, Uplink } from '../uplink.ts'
import type { ForwardLimits } from './limits.ts'
import type { Refusals } from './refusals.ts'
import type { RelayedRecord, RelayStore } from './store.ts'

/** A record on its way out: `seq` is the store's own number, by which the position is remembered. */
interface Forwarded extends StoredRecord {
  readonly given: RelayedRecord
}

/** For an uplink that is given what the forwarder sends. */
export const ownerOf: OwnerOf = (record) => (record as Forwarded).given

const NOWHERE: Positions = { critical: 0, events: 0, telemetry: 0 }

export interface ForwarderOptions {
  readonly store: RelayStore
  /** Under this name positions and transactions are kept; nobody else's. */
  readonly name: string
  /** Makes a fresh uplink, which asks `ownerOf`. */
  readonly makeUplink: () => Promise<Uplink>
  readonly limits: ForwardLimits
  readonly refusals: Pick<Refusals, 'bury'>
  /** Forgets what Kafka has: whoever writes to the store does it. */
  readonly release: (positions: Positions) => void
}

/**
 * Empties the store into an uplink, in the order of its numbers within each lane. The uplink keeps the
 * last number of each lane in the same transaction as the records, so a kill repeats nothing.
 */
export class Forwarder {
  readonly #options: ForwarderOptions
  readonly #gate = new Gate()
  readonly #backoff: Backoff
  #uplink: Uplink | undefined
  #running: Promise<void> | undefined
  #closing = false
  #at: Positions = { ...NOWHERE }
  #released: Positions = { ...NOWHERE }
  #releasedMs = 0
  /** After a refusal batches are halved until the record that is refused stands alone. */
  #most: number
  /** What is known against a lane's destination, so that it holds up no other. */
  readonly #care: LaneCare
  /** After such a failure of several lanes each is sent alone, until all have gone through. */
  readonly #apart = new Set<Lane>()
  #state: UplinkState = 'off'
  #sinceUs = Date.now() * 1000
  #lastError: Complaint | undefined
  #sentRecords = 0
  #sentBytes = 0
  #lastAckTimeUs = 0
  #nextRetryTimeUs = 0

  constructor(options: ForwarderOptions) {
    this.#options = options
    const { minRetryMs, maxRetryMs, maxBatchRecords } = options.limits
    this.#care = new LaneCare(minRetryMs, maxRetryMs, () => Date.now() * 1000)
    this.#backoff = new Backoff(minRetryMs, maxRetryMs)
    this.#most = maxBatchRecords
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Tells that the store has more. */
  notify(): void {
    this.#gate.wake()
  }

  async close(): Promise<void> {
    this.#closing = true
    this.#gate.wake()
    await this.#uplink?.close()
    await this.#running
  }

  status(): UplinkStatus {
    return {
      kind: 'kafka',
      state: this.#state,
      sinceUs: this.#sinceUs,
      ...(this.#lastError && { lastError: this.#lastError }),
      sentRecords: this.#sentRecords,
      sentBytes: this.#sentBytes,
      lastAckTimeUs: this.#lastAckTimeUs,
      nextRetryTimeUs: this.#nextRetryTimeUs,
      ...(this.#care.told().length > 0 && { blocked: this.#care.told() }),
    }
  }

  async #run(): Promise<void> {
    while (!this.#closing) {
      const waitMs = await this.#connection()
      if (this.#closing) break
      const endMs = performance.now() + waitMs
      this.#nextRetryTimeUs = Math.round((Date.now() + waitMs) * 1000)
      while (!this.#closing && performance.now() < endMs) {
        await this.#gate.wait(Math.max(1, endMs - performance.now()))
      }
      this.#nextRetryTimeUs = 0
    }
    this.#enter('off')
  }

  async #connection(): Promise<number> {
    const { store, name } = this.#options
    try {
      this.#enter('connecting')
      this.#uplink = await this.#options.makeUplink()
      this.#adopt(await this.#uplink.open({ vehicle: name, epoch: store.epoch }))
      this.#enter('live')
      await this.#drain(this.#uplink)
      return 0
    } catch (error) {
      return this.#failed(error)
    } finally {
      await this.#uplink?.close()
      this.#uplink = undefined
    }
  }

  #adopt(positions: Positions): void {
    const { store } = this.#options
    const ahead = LANES.find((lane) => positions[lane] > store.lastId(lane))
    if (ahead) {
      const detail = `Kafka has ${ahead} up to ${positions[ahead]}, this store gave ${store.lastId(ahead)}`
      store.renewEpoch()
      throw new SyncError('UPLINK_AHEAD', detail, {
        hint: 'The relay’s store was restored from an older copy; it goes on under a new epoch.',
      })
    }
    // What was put aside is behind us, though Kafka's position knows nothing of it.
    for (const lane of LANES) this.#at[lane] = store.past(lane, positions[lane])
    this.#released = { ...NOWHERE }
    this.#release()
  }

  async #drain(uplink: Uplink): Promise<void> {
    const { lingerMs, maxBatchRecords } = this.#options.limits
    while (!this.#closing) {
      const batch = this.#next()
      if (batch.length === 0) {
        this.#release()
        await this.#gate.wait(this.#idleMs())
        continue
      }
      await this.#send(uplink, batch)
      if (batch.length < maxBatchRecords && !this.#closing) await this.#linger(lingerMs)
    }
  }

  /** Until a blocked lane is due for its next try; for good where none is blocked. */
  #idleMs(): number | undefined {
    const dueMs = this.#care.nextTryMs((lane) => this.#options.store.lastId(lane) > this.#at[lane])
    return dueMs === undefined ? undefined : Math.max(1, dueMs - performance.now())
  }

  /** Gives the next batch time to fill: a commit in Kafka costs the same for one as for a thousand. */
  async #linger(ms: number): Promise<void> {
    const { store } = this.#options
    const endMs = performance.now() + ms
    while (!this.#closing && store.lastId('critical') <= this.#at.critical) {
      const leftMs = endMs - performance.now()
      if (leftMs <= 0) break
      await this.#gate.wait(leftMs)
    }
    this.#gate.wake()
  }

  #next(): Forwarded[] {
    const { store, limits } = this.#options
    const batch: Forwarded[] = []
    let bytes = limits.maxBatchBytes
    const waits = (lane: Lane) => store.lastId(lane) > this.#at[lane]
    this.#care.tryAgain(waits)
    const blocked = new Set(this.#care.blocked())
    for (const lane of LANES) {
      if (blocked.has(lane)) continue
      const room = this.#most - batch.length
      if (room <= 0 || bytes <= 0) break
      for (const given of store.read(lane, this.#at[lane], room, bytes)) {
        // Written out: copying by `...` shows in a profile of the relay.
        const { prev, type, timeUs, monoUs, bootId, clock, contentType, payload } = given.record
        const seq = given.id
        batch.push({
          lane,
          seq,
          prev,
          type,
          timeUs,
          monoUs,
          bootId,
          clock,
          contentType,
          payload,
          given,
        })
        bytes -= payload.length
      }
      // On trial: what comes of it must be this lane's alone.
      if (batch.length > 0 && (this.#apart.has(lane) || this.#care.inCare().includes(lane))) break
    }
    return batch
  }

  async #send(uplink: Uplink, batch: readonly Forwarded[]): Promise<void> {
    const { limits } = this.#options
    try {
      await uplink.send(batch)
    } catch (error) {
      if (error instanceof SyncError && error.code === 'UPLINK_REJECTED') this.#halve(batch, error)
      else if (error instanceof SyncError && isOfLane(error)) this.#blame(batch, error)
      throw error
    }
    this.#pass(batch)
    this.#care.passed(batch, this.#at)
    for (const { lane } of [batch[0], batch[batch.length - 1]]) this.#apart.delete(lane)
    this.#sentRecords += batch.length
    for (const { payload } of batch) this.#sentBytes += payload.length
    this.#lastAckTimeUs = Date.now() * 1000
    this.#lastError = uplink.warning
    this.#backoff.reset()
    this.#most = Math.min(limits.maxBatchRecords, this.#most * 2)
    if (performance.now() - this.#releasedMs >= limits.releaseIntervalMs) this.#release()
  }

  /** Now and then only, and when all is sent: each release writes the positions of many senders. */
  #release(): void {
    if (LANES.every((lane) => this.#at[lane] === this.#released[lane])) return
    this.#options.release({ ...this.#at })
    this.#released = { ...this.#at }
    this.#releasedMs = performance.now()
  }

  #halve(batch: readonly Forwarded[], error: SyncError): void {
    if (batch.length > 1) {
      this.#most = Math.ceil(batch.length / 2)
      return
    }
    this.#options.refusals.bury(batch[0].given, error.message)
    this.#pass(batch)
  }

  #blame(batch: readonly Forwarded[], error: SyncError): void {
    const lanes = new Set(batch.map(({ lane }) => lane))
    if (lanes.size > 1) for (const lane of lanes) this.#apart.add(lane)
    else this.#care.block(batch[0].lane, error)
  }

  #pass(batch: readonly Forwarded[]): void {
    for (const { lane, seq } of batch) this.#at[lane] = seq
  }

  #failed(error: unknown): number {
    this.#lastError = complaintOf(error)
    const { code } = this.#lastError
    const { minRetryMs, fencedRetryMs } = this.#options.limits
    if (code === 'UPLINK_FENCED') {
      this.#enter('fenced')
      return fencedRetryMs
    }
    this.#enter('offline')
    const ofLane = error instanceof SyncError && isOfLane(error)
    if (ofLane || code === 'UPLINK_AHEAD') return minRetryMs
    return this.#backoff.nextMs()
  }

  #enter(state: UplinkState): void {
    if (state === this.#state) return
    this.#state = state
    this.#sinceUs = Date.now() * 1000
  }
}
