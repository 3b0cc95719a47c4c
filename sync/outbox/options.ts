import { SyncError } from '../errors.ts'
import { LANES, type NewRecord } from '../record.ts'
import type { OutboxClock } from './book.ts'
import type { Key, KeySource } from './key.ts'
import {
  DEFAULT_OUTBOX_LIMITS,
  LEAST_FILE_BYTES,
  type OutboxLimits,
  recordBytes,
} from './limits.ts'
import { unlock } from './unlock.ts'

export interface OutboxOptions {
  /** The database file; its folder is made. */
  readonly path: string
  readonly vehicle: string
  /** Names this boot of the machine, so that monotonic times can be compared. */
  readonly bootId: string
  readonly limits?: Partial<OutboxLimits>
  /** Where the key of an encrypted file comes from; without one the file is plain. */
  readonly key?: KeySource
  /** `false`: a damaged file is refused (`OUTBOX_CORRUPT`) and stays as it is. */
  readonly putAside?: boolean
  /** Times for ledger records. */
  readonly clock?: OutboxClock
}

/** As given, with all limits and the key itself. */
export type OpenOptions = Omit<OutboxOptions, 'key' | 'limits'> & {
  readonly limits: OutboxLimits
  readonly key: Key | undefined
}

/** Throws `OUTBOX_CONFIG` where the bounds leave no room, `OUTBOX_KEY` where the key is not the file's. */
export function openOptions(options: OutboxOptions): OpenOptions {
  const limits = { ...DEFAULT_OUTBOX_LIMITS, ...options.limits }
  if (!(limits.maxBytes >= LEAST_FILE_BYTES)) {
    throw new SyncError('OUTBOX_CONFIG', `an outbox of at most ${limits.maxBytes} bytes`, {
      hint: `Give it at least ${LEAST_FILE_BYTES} bytes.`,
    })
  }
  return { ...options, limits, key: unlock(options.path, options.key) }
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
