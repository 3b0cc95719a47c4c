import { Backoff } from './backoff.ts'
import type { SyncError, SyncErrorCode } from './errors.ts'
import { LANES, type Lane, type StoredRecord } from './record.ts'
import { type BlockedLane, complaintOf } from './status.ts'
import { Suspects } from './suspects.ts'
import type { Positions } from './uplink.ts'

/** The fault lies where one lane goes, not in the link: the others need not wait for it. */
const OF_A_LANE: ReadonlySet<SyncErrorCode> = new Set([
  'UPLINK_TOPIC_MISSING',
  'UPLINK_TOPIC_DENIED',
  'UPLINK_REGISTRY',
  'UPLINK_SCHEMA',
])

interface Block {
  readonly backoff: Backoff
  readonly sinceUs: number
  error: SyncError
  tries: number
  /** On the clock of `performance.now()`; 0 while it is being tried. */
  untilMs: number
}

/** Whether a failed `send` says something of lanes or records, and not of the link. */
export function isOfLane({ code }: SyncError): boolean {
  return code === 'UPLINK_REJECTED' || OF_A_LANE.has(code)
}

/**
 * What is known against each lane, so that the trouble of one holds up no other. A batch of several
 * lanes that fails is sent again lane by lane (`apart`); the lane that fails alone is blocked for a
 * while, or, where a record is refused, its batch is halved until that record stands alone.
 */
export class LaneCare {
  readonly #minRetryMs: number
  readonly #maxRetryMs: number
  readonly #nowUs: () => number
  readonly #apart = new Set<Lane>()
  readonly #blocks = new Map<Lane, Block>()
  readonly #suspects = new Map<Lane, Suspects>()

  constructor(minRetryMs: number, maxRetryMs: number, nowUs: () => number) {
    this.#minRetryMs = minRetryMs
    this.#maxRetryMs = maxRetryMs
    this.#nowUs = nowUs
  }

  /** Lanes that wait for their next try. */
  blocked(): Lane[] {
    return LANES.filter((lane) => (this.#blocks.get(lane)?.untilMs ?? 0) > 0)
  }

  /** Lanes that are sent alone, for what is known against them. */
  inCare(): Lane[] {
    return LANES.filter((lane) => this.#apart.has(lane) || this.#suspects.has(lane))
  }

  /** The records of a lane of which one, at least, is refused: half of them; none where all is well. */
  half(lane: Lane): StoredRecord[] {
    return this.#suspects.get(lane)?.half() ?? []
  }

  /** Whether a blocked lane's time has come; it is on trial from now on. */
  tryAgain(waits: (lane: Lane) => boolean): boolean {
    const nowMs = performance.now()
    const due = this.blocked().filter(
      (lane) => this.#blocks.get(lane)!.untilMs <= nowMs && waits(lane),
    )
    for (const lane of due) {
      this.#blocks.get(lane)!.untilMs = 0
      this.#apart.add(lane)
    }
    return due.length > 0
  }

  /** When the first blocked lane that waits is due, on the clock of `performance.now()`. */
  nextTryMs(waits: (lane: Lane) => boolean): number | undefined {
    const times = this.blocked()
      .filter(waits)
      .map((lane) => this.#blocks.get(lane)!.untilMs)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  /** This lane cannot be sent, and the others can. */
  block(lane: Lane, error: SyncError): void {
    let block = this.#blocks.get(lane)
    if (!block) {
      const backoff = new Backoff(this.#minRetryMs, this.#maxRetryMs)
      block = { backoff, sinceUs: this.#nowUs(), error, tries: 0, untilMs: 0 }
      this.#blocks.set(lane, block)
    }
    block.error = error
    block.tries++
    block.untilMs = performance.now() + block.backoff.nextMs()
    this.#apart.delete(lane)
  }

  /** A batch failed for what `isOfLane` says; answers the record to bury, once it is found. */
  accuse(batch: readonly StoredRecord[], error: SyncError): StoredRecord | undefined {
    const lanes = new Set(batch.map(({ lane }) => lane))
    const { culprit } = error
    const found = culprit && batch.find((r) => r.lane === culprit.lane && r.seq === culprit.seq)
    if (found) return found
    const [first] = lanes
    if (lanes.size > 1) for (const lane of lanes) this.#apart.add(lane)
    else if (error.code !== 'UPLINK_REJECTED') this.block(first, error)
    else if (batch.length > 1) this.#suspects.set(first, new Suspects(batch))
    else {
      this.#suspects.delete(first)
      return batch[0]
    }
    return undefined
  }

  /** A batch went through: nothing is known against its lanes any more. */
  passed(batch: readonly StoredRecord[], reached: Positions): void {
    if (this.#apart.size === 0 && this.#blocks.size === 0 && this.#suspects.size === 0) return
    for (const lane of new Set(batch.map(({ lane }) => lane))) {
      this.#apart.delete(lane)
      this.#blocks.delete(lane)
    }
    this.skip(reached)
  }

  /** The other side has what lies up to these positions. */
  skip(positions: Positions): void {
    for (const [lane, suspects] of this.#suspects) {
      suspects.skip(positions)
      if (suspects.size === 0) this.#suspects.delete(lane)
    }
  }

  /** These positions, moved on to cover every suspect. */
  reach(positions: Positions): Positions {
    let reached = positions
    for (const suspects of this.#suspects.values()) reached = suspects.reach(reached)
    return reached
  }

  /** For status. */
  told(): BlockedLane[] {
    const [nowMs, nowUs] = [performance.now(), this.#nowUs()]
    return [...this.#blocks].map(([lane, { error, tries, sinceUs, untilMs }]) => ({
      lane,
      ...complaintOf(error),
      tries,
      sinceUs,
      nextRetryTimeUs: untilMs > 0 ? Math.round(nowUs + Math.max(0, untilMs - nowMs) * 1000) : 0,
    }))
  }
}
