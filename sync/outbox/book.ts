import type { Statement } from 'better-sqlite3'
import {
  LEDGER_TYPE,
  type LedgerEntry,
  ledgerRecord,
  mergeEntries,
  parseLedger,
} from '../ledger.ts'
import { JSON_TYPE, type Shelf } from './shelf.ts'

/** Microseconds: wall time since the epoch, and monotonic since some instant of this boot. */
export interface OutboxClock {
  nowUs(): number
  monoUs(): number
}

/** A ledger record that has grown to so many entries is left as it is and a new one begun. */
const MAX_ENTRIES = 64

/** Writes the ledger; every call belongs into a transaction. */
export class Book {
  readonly #shelf: Shelf
  readonly #clock: OutboxClock
  readonly #payloads: Statement<[number, number, number], Buffer>

  constructor(shelf: Shelf, clock: OutboxClock) {
    this.#shelf = shelf
    this.#clock = clock
    this.#payloads = shelf.db
      .prepare('SELECT payload FROM critical WHERE seq > ? AND seq <= ? AND kind = ?')
      .pluck() as never
  }

  /**
   * Writes a ledger record, and folds the one before it into it if that still waits: months offline
   * then leave one record of exact sums, not thousands.
   */
  tell(entries: readonly LedgerEntry[]): void {
    const shelf = this.#shelf
    for (const { lane, firstSeq, count } of entries) {
      if (lane && firstSeq === undefined) shelf.counters.lanes[lane].dropped += count ?? 0
    }
    const merged = mergeEntries([...this.#fold(), ...entries])
    const record = ledgerRecord(merged, {
      timeUs: this.#clock.nowUs(),
      monoUs: this.#clock.monoUs(),
      clock: shelf.clockState,
    })
    shelf.insert(record, Buffer.from(record.payload))
    shelf.ledgerSeq = merged.length < MAX_ENTRIES ? shelf.counters.seq : 0
    shelf.mark()
  }

  /** What the ledger records among these rows of `critical` say. */
  entriesIn(afterSeq: number, lastSeq: number): LedgerEntry[] {
    const kind = this.#shelf.kinds.find(LEDGER_TYPE, JSON_TYPE)
    if (kind === undefined) return []
    return this.#payloads.all(afterSeq, lastSeq, kind).flatMap((payload) => parseLedger(payload))
  }

  #fold(): LedgerEntry[] {
    const shelf = this.#shelf
    const seq = shelf.ledgerSeq
    if (seq <= shelf.busySeq('critical')) return []
    const extent = shelf.tables.critical.extent(seq - 1, seq)
    if (extent.records === 0) return []
    const entries = this.entriesIn(seq - 1, seq)
    shelf.delete('critical', seq - 1, seq, extent)
    entries.push({ cause: 'folded', lane: 'critical', firstSeq: seq, lastSeq: seq, count: 1 })
    return entries
  }
}
