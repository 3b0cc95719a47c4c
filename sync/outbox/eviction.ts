import type { LedgerEntry, LossCause } from '../ledger.ts'
import { LANES, type Lane, type NewRecord, noneByLane } from '../record.ts'
import type { Book } from './book.ts'
import type { LaneBounds } from './lane-bounds.ts'
import type { Shelf } from './shelf.ts'
import type { Space } from './space.ts'

const NONE: Refused = new Map()
/** A lane at its own cap gives way by so much more than it must, so that not each append evicts. */
const LANE_SLACK = 1 / 64

/** Lanes whose new records find no room, and why. */
export type Refused = ReadonlyMap<Lane, LossCause>

/** Decides who gives way when the outbox is full; every call belongs into a transaction. */
export class Eviction {
  readonly #shelf: Shelf
  readonly #space: Space
  readonly #book: Book
  readonly #bounds: LaneBounds

  constructor(shelf: Shelf, space: Space, book: Book, bounds: LaneBounds) {
    this.#shelf = shelf
    this.#space = space
    this.#book = book
    this.#bounds = bounds
  }

  /**
   * Makes room for these records; answers the lanes whose new records find none. First go dead
   * records and those that the other side has, then the oldest of `telemetry`, `events` and
   * `critical`, each only for what is at least as important.
   */
  makeRoom(
    records: readonly NewRecord[],
    payloads: readonly Uint8Array[],
    entries: LedgerEntry[],
  ): Refused {
    const room = this.#space.room()
    const needs: Record<Lane, number> = noneByLane()
    for (let i = 0; i < records.length; i++) {
      needs[records[i].lane] += this.#space.bytesOf(payloads[i].length)
    }
    this.#space.demand.note(needs.critical)
    const capped = this.#keepToCaps(needs, entries)
    if (needs.critical + needs.events + needs.telemetry <= room.freeBytes()) return capped
    this.#shelf.db.exec('DELETE FROM dead')
    for (const lane of LANES) this.#shelf.deleteAcked(lane)
    const refused = new Map(capped)
    let admitted = 0
    for (const [rank, lane] of LANES.entries()) {
      if (needs[lane] === 0) continue
      const lacking = () => admitted + needs[lane] - room.freeBytes()
      for (const victim of LANES.slice(rank).reverse()) {
        // Before an alarm gives way to another, what was set aside for them is spent.
        while (victim === 'critical' && lacking() > 0 && this.#space.reserve.spend());
        // Somewhat more than is needed, so that the next append finds room without evicting.
        while (lacking() > 0 && this.#evict(victim, lacking() + room.slackBytes, entries));
      }
      if (lacking() > 0) refused.set(lane, 'evicted')
      else admitted += needs[lane]
    }
    return refused
  }

  /** Accounts for new records that got a `seq`, the first of them this one, and no place. */
  tellRefused(
    records: readonly NewRecord[],
    first: number,
    refused: Refused,
    entries: LedgerEntry[],
  ): void {
    for (const [lane, cause] of refused) {
      const seqs = records.flatMap((record, i) => (record.lane === lane ? [first + i] : []))
      this.#count(lane, seqs[0], seqs.at(-1)!, seqs.length, cause, entries)
    }
  }

  /** A lane with a cap of its own makes its room itself; what is more than the cap is refused. */
  #keepToCaps(needs: Record<Lane, number>, entries: LedgerEntry[]): Refused {
    let refused: Map<Lane, LossCause> | undefined
    for (const lane of LANES) {
      if (this.#bounds.exceeds(lane, needs[lane])) {
        refused ??= new Map()
        refused.set(lane, 'lane_full')
        needs[lane] = 0
      }
      for (;;) {
        const over = this.#bounds.overCap(lane, needs[lane])
        if (over === 0) break
        const bytes = over * (1 + LANE_SLACK) + needs[lane]
        if (!this.#evict(lane, bytes, entries, 'lane_full')) break
      }
    }
    return refused ?? NONE
  }

  /** Deletes the oldest records of a lane, about so many bytes; false where there is none left. */
  #evict(lane: Lane, bytes: number, entries: LedgerEntry[], cause: LossCause = 'evicted'): boolean {
    const after = this.#shelf.busySeq(lane)
    const run = this.#shelf.tables[lane].run(after, bytes, this.#space.bytesOf(0))
    if (!run) return false
    // What a ledger record told must not be lost with it.
    if (lane === 'critical') entries.push(...this.#book.entriesIn(after, run.lastSeq))
    this.#shelf.delete(lane, after, run.lastSeq, run)
    this.#count(lane, run.firstSeq, run.lastSeq, run.records, cause, entries)
    return true
  }

  #count(
    lane: Lane,
    firstSeq: number,
    lastSeq: number,
    count: number,
    cause: LossCause,
    entries: LedgerEntry[],
  ): void {
    this.#shelf.counters.lanes[lane].evicted += count
    entries.push({ cause, lane, firstSeq, lastSeq, count })
  }
}
