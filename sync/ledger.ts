import { LANES, type Lane, type NewRecord } from './record.ts'

/** CloudEvents `type` of a ledger record. */
export const LEDGER_TYPE = 'milepost.ledger.v1'

/** Why records are not on the other side. Those from `disk_full` on never had a `seq`. */
export type LossCause =
  /** Gave way because the outbox was full. */
  | 'evicted'
  /** Gave way because its lane was at its own cap. */
  | 'lane_full'
  /** Refused by the uplink for what is in it; kept in the outbox's table of dead records. */
  | 'rejected'
  /** Were in a file that could not be read and was put aside. */
  | 'corrupt'
  /** Were in such a file, and go on under the epoch of the ledger record. */
  | 'salvaged'
  /** Were taken out of the outbox into a file, to travel by hand under their own identity. */
  | 'exported'
  /** Older than the lane's age limit. */
  | 'expired'
  /** An older ledger record, whose entries stand in this one. */
  | 'folded'
  /**
   * The file was a copy that went on by itself, or a restored backup. Of the epoch before nobody can
   * know; of the one after, these numbers were never given.
   */
  | 'epoch_renewed'
  /** Came while the disk was full. */
  | 'disk_full'
  /** Came while the disk could not be written. */
  | 'read_only'
  /** Came faster than they could be stored, or while the outbox was held by another process. */
  | 'queue_full'
  /** Larger than `maxRecordBytes`, or without a type. */
  | 'invalid'
  /** Not yet stored when the process had to end. */
  | 'closed'

/** One line of the account: so many records of a lane are missing, for this cause. */
export interface LedgerEntry {
  readonly cause: LossCause
  /** Null where it is not known of which lane they were. */
  readonly lane: Lane | null
  /** The vehicle that they are of, where a depot's relay tells of another one's. */
  readonly vehicle?: string
  /** The epoch they belong to, where it is not the one of the ledger record itself. */
  readonly epoch?: string
  /** First and last `seq` between which the missing ones lie; absent where they never had one. */
  readonly firstSeq?: number
  readonly lastSeq?: number
  /** How many are missing; null where nobody can know. */
  readonly count: number | null
  /** For a technician: what happened, where to look. */
  readonly detail?: string
}

/** The payload of a ledger record. */
export interface LedgerPayload {
  readonly entries: readonly LedgerEntry[]
}

/**
 * What a file tells that goes on under a new epoch: of the numbers up to `seq` those of records that are
 * no longer here never were of it.
 */
export function renewalEntries(
  before: string,
  { seq, lanes }: { seq: number; lanes: Record<Lane, { records: number }> },
  detail: string,
): LedgerEntry[] {
  const head = { cause: 'epoch_renewed', lane: null, detail } as const
  const count = LANES.reduce((left, lane) => left - lanes[lane].records, seq)
  const absent = count > 0 ? [{ ...head, firstSeq: 1, lastSeq: seq, count }] : []
  return [{ ...head, epoch: before, count: null }, ...absent]
}

/** Adds up entries of the same lane, cause and epoch, so that an account never grows without end. */
export function mergeEntries(entries: readonly LedgerEntry[]): LedgerEntry[] {
  const merged = new Map<string, LedgerEntry>()
  for (const entry of entries) {
    const ranged = entry.firstSeq !== undefined
    const key = JSON.stringify([entry.lane, entry.cause, entry.vehicle, entry.epoch, ranged])
    const before = merged.get(key)
    merged.set(key, before ? add(before, entry) : entry)
  }
  return [...merged.values()]
}

function add(a: LedgerEntry, b: LedgerEntry): LedgerEntry {
  return {
    ...a,
    ...b,
    ...(a.firstSeq !== undefined && { firstSeq: Math.min(a.firstSeq, b.firstSeq!) }),
    ...(a.lastSeq !== undefined && { lastSeq: Math.max(a.lastSeq, b.lastSeq!) }),
    count: a.count === null || b.count === null ? null : a.count + b.count,
  }
}

/** Reads a ledger record's payload; an unreadable one gives no entries. */
export function parseLedger(payload: Uint8Array): LedgerEntry[] {
  try {
    const parsed = JSON.parse(new TextDecoder().decode(payload)) as LedgerPayload
    return Array.isArray(parsed.entries) ? [...parsed.entries] : []
  } catch {
    return []
  }
}

/** Makes the record that carries these entries upstream. */
export function ledgerRecord(
  entries: readonly LedgerEntry[],
  time: Pick<NewRecord, 'timeUs' | 'monoUs' | 'clock'>,
): NewRecord {
  const payload: LedgerPayload = { entries }
  return { lane: 'critical', type: LEDGER_TYPE, ...time, payload: JSON.stringify(payload) }
}
