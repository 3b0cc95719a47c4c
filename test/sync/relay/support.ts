import Database from 'better-sqlite3'
import { LANES, type StoredRecord } from '../../../sync/record.ts'

export function stored(
  seq: number,
  prev = seq - 1,
  more: Partial<StoredRecord> = {},
): StoredRecord {
  const base = { lane: 'events' as const, type: 'milepost.test.v1', bootId: 'b1' }
  const time = { timeUs: 1_795_000_000_000_000 + seq, monoUs: seq, clock: 'synced' as const }
  const payload = Buffer.from(`{"n":${seq}}`)
  return { ...base, seq, prev, ...time, contentType: 'application/json', payload, ...more }
}

/** Makes a store that is closed one of an earlier release, without tips. */
export function makeOlderStore(path: string): void {
  const db = new Database(path)
  for (const lane of LANES) db.exec(`ALTER TABLE origin DROP COLUMN ${lane}Tip`)
  db.pragma('user_version = 2')
  db.close()
}
