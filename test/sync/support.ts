import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { LEDGER_TYPE, type LedgerEntry, parseLedger } from '../../sync/ledger.ts'
import type { OutboxOptions } from '../../sync/outbox/options.ts'
import { Outbox } from '../../sync/outbox/outbox.ts'
import { LANES, type Lane, type NewRecord, type StoredRecord } from '../../sync/record.ts'
import { Sync, type SyncOptions } from '../../sync/sync-thread.ts'

export function record(lane: Lane, payload: string | Uint8Array, more: Partial<NewRecord> = {}) {
  const base = { type: 'milepost.test.v1', timeUs: 1_700_000_000_000_000, monoUs: 5_000_000 }
  return { lane, ...base, clock: 'synced', payload, ...more } satisfies NewRecord
}

/** A reserve that leaves a test of a few records in the front of its file. */
export const SMALL = { reserveBytes: 1024 ** 2 }

/** Opens an outbox that the test closes. */
export function openOutbox(t: TestContext, options: Partial<OutboxOptions> & { path: string }) {
  const limits = { ...SMALL, ...options.limits }
  const outbox = Outbox.open({ vehicle: 'v1', bootId: 'boot-1', ...options, limits })
  t.after(() => outbox.close())
  return outbox
}

/** Makes of an outbox one of before it was remembered what the other side had. */
export function makeOlder(path: string): void {
  const db = new Database(path)
  db.exec('ALTER TABLE lane DROP COLUMN releasedSeq')
  db.close()
}

/** Whether the file has the column by which that is remembered. */
export function remembers(path: string): boolean {
  const db = new Database(path, { readonly: true })
  const columns = db.prepare("SELECT name FROM pragma_table_info('lane')").pluck().all()
  db.close()
  return columns.includes('releasedSeq')
}

export function readAll(outbox: Outbox): StoredRecord[] {
  return LANES.flatMap((lane) => outbox.read(lane, 0, 1e9, 1e12))
}

export function textOf({ payload }: StoredRecord): string {
  return Buffer.from(payload).toString()
}

export function ledgerOf(records: readonly StoredRecord[]): LedgerEntry[] {
  return records.filter(({ type }) => type === LEDGER_TYPE).flatMap((r) => parseLedger(r.payload))
}

/** Waits for a condition; the bound is for a hanging test, not a promise of speed. */
export async function until(what: string, condition: () => boolean, boundMs = 60_000) {
  const endMs = performance.now() + boundMs
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`never came true: ${what}`)
    await sleep(5)
  }
}

/** Starts the way out without an uplink; the test closes it. */
export async function startSync(
  t: TestContext,
  path: string,
  outbox: Partial<SyncOptions['outbox']> = {},
): Promise<Sync> {
  const sync = await Sync.start({
    outbox: { path, vehicle: 'v1', bootId: 'boot-1', ...outbox },
    uplink: { kind: 'none' },
  })
  t.after(() => sync.close())
  return sync
}
