import type { Statement } from 'better-sqlite3'
import { LANES, type Lane } from '../record.ts'
import type { Book, OutboxClock } from './book.ts'
import type { OutboxLimits } from './limits.ts'
import { CLOCKS, type Shelf } from './shelf.ts'
import type { Space } from './space.ts'

/** Looked at in one step; what is older than the last expired one among them goes with it. */
const STEP_RECORDS = 2_000
/** Steps in one call, so that a lane that was asleep for a month costs no long stall. */
const MAX_STEPS = 10

/** Holds lanes to their own caps and ages, whatever room the outbox has beside. */
export class LaneBounds {
  readonly #shelf: Shelf
  readonly #space: Space
  readonly #book: Book
  readonly #clock: OutboxClock
  readonly #limits: OutboxLimits['lanes']
  readonly #bootId: string
  readonly #expired: ReadonlyMap<Lane, Statement<unknown[], number | null>>

  constructor(
    shelf: Shelf,
    space: Space,
    book: Book,
    { clock, limits, bootId }: { clock: OutboxClock; limits: OutboxLimits; bootId: string },
  ) {
    this.#shelf = shelf
    this.#space = space
    this.#book = book
    this.#clock = clock
    this.#limits = limits.lanes
    this.#bootId = bootId
    const aged = LANES.filter((lane) => limits.lanes[lane]?.maxAgeMs !== undefined)
    this.#expired = new Map(
      aged.map((lane) => [
        lane,
        // Of this boot the monotonic clock tells the age; of another only a clock that was known.
        shelf.db
          .prepare(
            `SELECT max(seq) FROM (
               SELECT seq, boot, clock, timeUs, monoUs FROM ${lane} WHERE seq > ? ORDER BY seq LIMIT ?
             ) WHERE CASE WHEN boot = ? THEN monoUs < ? ELSE clock <> ? AND timeUs < ? END`,
          )
          .pluck() as never,
      ]),
    )
  }

  /** How many bytes a lane would be over its cap with so many more; 0 where it has none. */
  overCap(lane: Lane, needBytes: number): number {
    const maxBytes = this.#limits[lane]?.maxBytes
    if (maxBytes === undefined || needBytes === 0) return 0
    const { records, bytes, ackedRecords, ackedBytes } = this.#shelf.counters.lanes[lane]
    const waiting = bytes - ackedBytes + (records - ackedRecords) * this.#space.bytesOf(0)
    return Math.max(0, waiting + needBytes - maxBytes)
  }

  /** Whether so many bytes alone are more than a lane may have. */
  exceeds(lane: Lane, needBytes: number): boolean {
    return needBytes > (this.#limits[lane]?.maxBytes ?? Number.POSITIVE_INFINITY)
  }

  /** Deletes what is older than its lane's limit, and tells; a step of it. */
  expire(): void {
    for (const [lane, find] of this.#expired) {
      for (let step = 0; step < MAX_STEPS && this.#expireSome(lane, find); step++);
    }
  }

  #expireSome(lane: Lane, find: Statement<unknown[], number | null>): boolean {
    const shelf = this.#shelf
    const after = shelf.busySeq(lane)
    if (shelf.counters.lanes[lane].lastSeq <= after) return false
    const ageUs = this.#limits[lane]!.maxAgeMs! * 1000
    const boot = shelf.boots.find(this.#bootId) ?? -1
    const [monoUs, wallUs] = [this.#clock.monoUs() - ageUs, this.#clock.nowUs() - ageUs]
    // A wall clock that nobody vouches for judges no record of another boot.
    const known = shelf.clockState === 'unsynced' ? Number.MIN_SAFE_INTEGER : wallUs
    const unsynced = CLOCKS.indexOf('unsynced')
    const lastSeq = shelf.guard(() =>
      find.get(after, STEP_RECORDS, boot, Math.round(monoUs), unsynced, Math.round(known)),
    )
    if (!lastSeq) return false
    shelf.transact(() => {
      const extent = shelf.tables[lane].extent(after, lastSeq)
      const firstSeq = shelf.tables[lane].first(after)!.seq
      // What a ledger record told must not be lost with it.
      const told = lane === 'critical' ? this.#book.entriesIn(after, lastSeq) : []
      shelf.delete(lane, after, lastSeq, extent)
      shelf.counters.lanes[lane].evicted += extent.records
      const { records: count } = extent
      this.#book.tell([...told, { cause: 'expired', lane, firstSeq, lastSeq, count }])
    })
    return true
  }
}
