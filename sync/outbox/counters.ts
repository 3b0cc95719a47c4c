import type { Database, Statement } from 'better-sqlite3'
import { LANES, type Lane } from '../record.ts'
import type { LaneTable } from './lane-table.ts'

/** What is known of a lane without asking SQLite. */
export interface LaneCounters {
  lastSeq: number
  /** Rows in the table, and bytes of their payloads. */
  records: number
  bytes: number
  /** Since the file was born: lost after they had a `seq`, and before they could have one. */
  evicted: number
  dropped: number
  /** Rows up to here are on the other side and only wait for their delete; how many, how large. */
  ackedSeq: number
  ackedRecords: number
  ackedBytes: number
  /** Rows up to here may be on their way. */
  heldSeq: number
  /** Rows up to here were deleted because the other side had them. */
  releasedSeq: number
}

export type Counters = { seq: number; markedSeq: number; lanes: Record<Lane, LaneCounters> }

interface MarkRow {
  id: number
  markedSeq: number
  lastSeq: number
  records: number
  bytes: number
  evicted: number
  dropped: number
  /** Not in a file of before it was remembered what the other side had. */
  releasedSeq?: number
}

/** Counters as marked in the file, and what came after the mark counted from the rows. */
export function loadCounters(db: Database, tables: Record<Lane, LaneTable>): Counters {
  const rows = db.prepare<[], MarkRow>('SELECT * FROM lane ORDER BY id').all()
  const lanes = {} as Record<Lane, LaneCounters>
  let seq = 0
  let markedSeq = 0
  for (const { id, ...mark } of rows) {
    const table = tables[LANES[id]]
    const later = table.extent(mark.markedSeq)
    const lastSeq = Math.max(mark.lastSeq, table.lastSeq)
    lanes[LANES[id]] = {
      lastSeq,
      records: mark.records + later.records,
      bytes: mark.bytes + later.bytes,
      evicted: mark.evicted,
      dropped: mark.dropped,
      ackedSeq: 0,
      ackedRecords: 0,
      ackedBytes: 0,
      heldSeq: 0,
      releasedSeq: mark.releasedSeq ?? 0,
    }
    seq = Math.max(seq, mark.markedSeq, lastSeq)
    markedSeq = mark.markedSeq
  }
  return { seq, markedSeq, lanes }
}

/**
 * Makes the function that writes the counters down, inside the caller's transaction. There an older file gets
 * its column too, and not when it is opened: on a full disk it can then still be read and sent. An older
 * milepost reads it all the same.
 */
export function counterWriter(db: Database): (counters: Counters) => void {
  // Asked each time: a transaction that is rolled back takes the column with it.
  const column = db
    .prepare("SELECT 1 FROM pragma_table_info('lane') WHERE name = 'releasedSeq'")
    .pluck()
  let update: Statement | undefined
  return (counters) => {
    if (!column.get()) db.exec('ALTER TABLE lane ADD COLUMN releasedSeq INTEGER NOT NULL DEFAULT 0')
    update ??= db.prepare(
      'UPDATE lane SET markedSeq = ?, lastSeq = ?, records = ?, bytes = ?, evicted = ?, dropped = ?, releasedSeq = ? WHERE id = ?',
    )
    for (const [id, lane] of LANES.entries()) {
      const { lastSeq, records, bytes, evicted, dropped, releasedSeq } = counters.lanes[lane]
      update.run(counters.seq, lastSeq, records, bytes, evicted, dropped, releasedSeq, id)
    }
    counters.markedSeq = counters.seq
  }
}

export function copyCounters({ seq, markedSeq, lanes }: Counters): Counters {
  const { critical, events, telemetry } = lanes
  return {
    seq,
    markedSeq,
    lanes: { critical: { ...critical }, events: { ...events }, telemetry: { ...telemetry } },
  }
}
