import { SyncError } from '../errors.ts'
import { LANES, type NewRecord } from '../record.ts'
import type { OutboxClock } from './book.ts'
import { type OutboxLimits, recordBytes } from './limits.ts'

export interface OutboxOptions {
  /** The database file; its folder is made. */
  readonly path: string
  readonly vehicle: string
  /** Names this boot of the machine, so that monotonic times can be compared. */
  readonly bootId: string
  readonly limits?: Partial<OutboxLimits>
  /** Times for ledger records. */
  readonly clock?: OutboxClock
}

export const systemClock: OutboxClock = {
  nowUs: () => Date.now() * 1000,
  monoUs: () => Number(process.hrtime.bigint() / 1000n),
}

/** A record's payload as bytes. Throws `RECORD_INVALID` where the record cannot be kept at all. */
export function payloadOf(record: NewRecord, limits: OutboxLimits): Uint8Array {
  const { payload, type, lane } = record
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
  if (bytes.length <= recordBytes(limits) && type && LANES.includes(lane)) return bytes
  throw new SyncError(
    'RECORD_INVALID',
    `record of ${bytes.length} bytes, type "${type}", lane "${lane}"`,
    { hint: `Needs a type, a lane, and at most ${recordBytes(limits)} bytes.` },
  )
}
