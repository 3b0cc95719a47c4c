import { createHash } from 'node:crypto'
import type { StoredRecord } from './record.ts'

const TIP_CHARS = 16

/**
 * Tells a record from another with the same number: two copies of one outbox, each of which went on by
 * itself, give out the same numbers for different records. Of what a repair of times leaves as it is.
 */
export function tipOf({
  type,
  bootId,
  monoUs,
  payload,
}: Pick<StoredRecord, 'type' | 'bootId' | 'monoUs' | 'payload'>): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([type, bootId, monoUs]))
    .update(payload)
  return hash.digest('base64url').slice(0, TIP_CHARS)
}
