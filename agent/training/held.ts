import type { Held } from '../../sync/kafka/history.ts'
import { counted, formatCount } from '../cli/output.ts'

/** Partitions named at most. */
const MAX_NAMED = 8

/**
 * Tells what of a topic was not read, as a transaction was still open before it; undefined where all was.
 * A sentence without a full stop. Only offsets are known: a mark of a transaction has one too.
 */
export function heldText(held: readonly (Held & { partition: number })[]): string | undefined {
  if (held.length === 0) return undefined
  const offsets = held.reduce((sum, { from, to }) => sum + to - from, 0)
  const named = held
    .slice(0, MAX_NAMED)
    .map(({ partition, from, to }) => `${partition} (${from} to ${to - 1})`)
  const more = held.length > MAX_NAMED ? ` and ${formatCount(held.length - MAX_NAMED)} more` : ''
  const where = held.length === 1 ? 'partition' : 'partitions'
  return (
    `${counted(offsets, 'offset')} in ${where} ${named.join(', ')}${more} ` +
    `${offsets === 1 ? 'lies' : 'lie'} behind a transaction that is still open and ` +
    `${offsets === 1 ? 'was' : 'were'} not read. It ends after the transaction.timeout.ms of its producer ` +
    'at the latest: read again then'
  )
}
