import { SyncError } from '../errors.ts'
import type { Accepted } from './delivery.ts'
import type { Share } from './group.ts'
import type { Counting } from './status.ts'
import type { RelayStore } from './store.ts'

/**
 * Keeps what the senders of one commit gave, in one transaction, and counts what became of it. Throws
 * `OUTBOX_*` where the store cannot; who is beyond a bound is told so, and the others are kept.
 */
export function keepShares(store: RelayStore, shares: readonly Share[], counts: Counting): void {
  const given = shares.filter(({ records }) => records.length > 0)
  if (given.length === 0) return
  try {
    for (const accepted of store.acceptAll(given)) count(accepted, counts)
  } catch (error) {
    if (!isInvalid(error)) throw error
    // One of them is beyond a bound: the others are not to blame.
    for (const share of given) keepAlone(store, share, counts)
  }
}

function keepAlone(store: RelayStore, share: Share, counts: Counting): void {
  try {
    count(store.accept(share.origin, share.records), counts)
  } catch (error) {
    if (!isInvalid(error)) throw error
    counts.rejected += share.records.length
    share.told.rejected = { run: share.run, reason: error.message }
  }
}

function count({ kept, duplicates, gaps }: Accepted, counts: Counting): void {
  counts.kept += kept
  counts.duplicates += duplicates
  counts.gaps += gaps
}

const isInvalid = (error: unknown): error is SyncError =>
  error instanceof SyncError && error.code === 'RECORD_INVALID'
