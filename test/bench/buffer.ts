import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import Database from 'better-sqlite3'
import type { KeySource } from '../../sync/outbox/key.ts'
import { Outbox } from '../../sync/outbox/outbox.ts'
import type { NewRecord } from '../../sync/record.ts'
import { Sync } from '../../sync/sync-thread.ts'
import { type BenchRow, median } from './bench.ts'

const ROUNDS = 7
const RECORDS = 50_000
/** Records in a transaction: a busy gateway's 50 ms, and a quiet one's. */
const BATCHES = [1000, 20]
const PAYLOAD_BYTES = 200

const PRAGMAS = [
  'locking_mode = EXCLUSIVE',
  'page_size = 4096',
  'auto_vacuum = INCREMENTAL',
  'journal_mode = WAL',
  'synchronous = FULL',
  'wal_autocheckpoint = 1024',
  'cache_size = -4096',
]

interface Round {
  readonly recordsPerSecond: number
  readonly diskBytesPerRecord: number
}

/** Records/s kept and bytes written per record, beside bare better-sqlite3 with the same bytes. */
export async function bench(): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'milepost-bench-'))
  try {
    const rows: BenchRow[] = []
    for (const batch of BATCHES) {
      const count = Math.min(RECORDS, batch * 500)
      const outbox: Round[] = []
      const raw: Round[] = []
      const thread: Round[] = []
      const encrypted: Round[] = []
      for (let round = 0; round < ROUNDS; round++) {
        const path = (name: string) => join(folder, `${name}-${batch}-${round}.db`)
        outbox.push(await measured(count, () => throughOutbox(path('outbox'), count, batch)))
        raw.push(await measured(count, () => throughSqlite(path('raw'), count, batch)))
        const locked = path('encrypted')
        encrypted.push(
          await measured(count, () => throughOutbox(locked, count, batch, keyIn(folder))),
        )
        if (batch === BATCHES[0]) thread.push(await throughThread(path('thread'), count))
      }
      const peer = `better-sqlite3, one table, same pragmas, ${batch} rows a transaction`
      const speed = (rounds: Round[]) => median(rounds.map((r) => r.recordsPerSecond))
      const bytes = (rounds: Round[]) => median(rounds.map((r) => r.diskBytesPerRecord))
      // More records are better, fewer bytes are.
      const row = (name: string, unit: string, ours: number, theirs: number) =>
        rows.push({
          name,
          unit,
          ours,
          peer,
          theirs,
          ratio: unit === 'records/s' ? ours / theirs : theirs / ours,
        })
      row(`outbox, records kept, ${batch} a transaction`, 'records/s', speed(outbox), speed(raw))
      rows.push({
        name: `outbox encrypted at rest, ${batch} a transaction`,
        unit: 'records/s',
        ours: speed(encrypted),
        peer: 'the outbox in plain',
        theirs: speed(outbox),
        ratio: speed(encrypted) / speed(outbox),
      })
      if (thread.length > 0) {
        row('outbox in its thread, append to flush', 'records/s', speed(thread), speed(raw))
      }
      row(
        `outbox, written to disk, ${batch} of ${PAYLOAD_BYTES} B a transaction`,
        'bytes/record',
        bytes(outbox),
        bytes(raw),
      )
    }
    return rows
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measured(count: number, work: () => number): Promise<Round> {
  const before = writtenBytes()
  const ms = work()
  return {
    recordsPerSecond: (count / ms) * 1000,
    diskBytesPerRecord: (writtenBytes() - before) / count,
  }
}

/** What this process has sent to the disk, all threads together; NaN where it is not told (Linux only). */
function writtenBytes(): number {
  try {
    return Number(/^write_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1])
  } catch {
    return Number.NaN
  }
}

function recordOf(i: number): NewRecord {
  const payload = `{"i":${i},"v":"`.padEnd(PAYLOAD_BYTES - 2, 'x')
  return {
    lane: 'telemetry',
    type: 'milepost.snapshot.v1',
    timeUs: 1_795_000_000_000_000 + i * 1000,
    monoUs: i * 1000,
    clock: 'synced',
    payload: `${payload}"}`,
  }
}

function keyIn(folder: string): KeySource {
  const file = join(folder, 'key')
  writeFileSync(file, 'a key for a bench and nothing else')
  return { file }
}

function throughOutbox(path: string, count: number, batch: number, key?: KeySource): number {
  const outbox = Outbox.open({ path, vehicle: 'bench', bootId: 'b', ...(key && { key }) })
  // What is set aside at the start of a file is not part of the rate.
  outbox.append([recordOf(0)])
  const startMs = performance.now()
  for (let at = 0; at < count; at += batch) {
    const records: NewRecord[] = []
    for (let i = at; i < at + batch; i++) records.push(recordOf(i))
    outbox.append(records)
  }
  const ms = performance.now() - startMs
  outbox.close()
  return ms
}

function throughSqlite(path: string, count: number, batch: number): number {
  const db = new Database(path)
  for (const pragma of PRAGMAS) db.pragma(pragma)
  db.exec(
    'CREATE TABLE record (seq INTEGER PRIMARY KEY, type TEXT, timeUs INTEGER, monoUs INTEGER, payload BLOB)',
  )
  const insert = db.prepare('INSERT INTO record VALUES (NULL, ?, ?, ?, ?)')
  const all = db.transaction((at: number) => {
    for (let i = at; i < at + batch; i++) {
      const { type, timeUs, monoUs, payload } = recordOf(i)
      insert.run(type, timeUs, monoUs, Buffer.from(payload as string))
    }
  })
  const startMs = performance.now()
  for (let at = 0; at < count; at += batch) all.immediate(at)
  const ms = performance.now() - startMs
  db.close()
  return ms
}

/** The whole way: taken in on this thread, committed on the other. */
async function throughThread(path: string, count: number): Promise<Round> {
  const sync = await Sync.start({
    outbox: { path, vehicle: 'bench', bootId: 'b', maxQueuedBytes: 64 * 1024 ** 2 },
    uplink: { kind: 'none' },
  })
  const before = writtenBytes()
  const startMs = performance.now()
  for (let i = 0; i < count; i++) sync.append(recordOf(i))
  await sync.flush()
  const ms = performance.now() - startMs
  const { records, dropped } = sync.status().lanes.telemetry
  await sync.close()
  if (records !== count || dropped > 0) throw new Error(`kept ${records} of ${count}`)
  return {
    recordsPerSecond: (count / ms) * 1000,
    diskBytesPerRecord: (writtenBytes() - before) / count,
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) console.table(await bench())
