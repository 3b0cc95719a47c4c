import type { LedgerEntry } from '../ledger.ts'
import { LANES } from '../record.ts'
import type { Positions } from '../uplink.ts'
import type { Book } from './book.ts'
import type { Shelf } from './shelf.ts'

/** Takes records up to these positions out of the outbox: another file has them, `detail` says which. */
export function surrender(shelf: Shelf, book: Book, upTo: Positions, detail: string): void {
  shelf.transact(() => {
    const entries: LedgerEntry[] = []
    for (const lane of LANES) {
      const extent = shelf.tables[lane].extent(0, upTo[lane])
      if (extent.records === 0) continue
      const firstSeq = shelf.tables[lane].first(0)!.seq
      shelf.delete(lane, 0, upTo[lane], extent)
      const { records: count } = extent
      entries.push({ cause: 'exported', lane, firstSeq, lastSeq: upTo[lane], count, detail })
    }
    if (entries.length > 0) book.tell(entries)
  })
}
