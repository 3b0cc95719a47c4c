import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { SyncError } from '../errors.ts'
import { LANES } from '../record.ts'
import { type Database, openFile, PAGE_BYTES, syncFolder } from './database.ts'
import type { Key } from './key.ts'
import { type OutboxLimits, walBytes } from './limits.ts'
import { openSqlite } from './sqlite.ts'

/** `mpob` in the file's header: says that a SQLite file is an outbox. */
const APPLICATION_ID = 0x6d706f62
const FORMAT = 1

/**
 * One table per lane with `seq` as its row id: a lane is read, released and evicted from its front
 * and grows at its end, so no index is written beside it, and an append touches only the last page.
 * `back` is `seq - prev`: one byte for nearly every record.
 */
const laneTable = (name: string) => `
  CREATE TABLE ${name} (
    seq INTEGER PRIMARY KEY, back INTEGER NOT NULL, kind INTEGER NOT NULL, boot INTEGER NOT NULL,
    clock INTEGER NOT NULL, timeUs INTEGER NOT NULL, monoUs INTEGER NOT NULL, payload BLOB NOT NULL
  ) STRICT;`

/**
 * `lane` holds counters as of `markedSeq`. They are not written with each append (that would be one
 * more page for the flash each time) but with each delete, and every some thousand records; what came
 * after the mark is counted again when the file is opened.
 */
const SCHEMA = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE lane (
    id INTEGER PRIMARY KEY, markedSeq INTEGER NOT NULL, lastSeq INTEGER NOT NULL,
    records INTEGER NOT NULL, bytes INTEGER NOT NULL, evicted INTEGER NOT NULL,
    dropped INTEGER NOT NULL, releasedSeq INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE kind (
    id INTEGER PRIMARY KEY, type TEXT NOT NULL, contentType TEXT NOT NULL, UNIQUE (type, contentType)
  ) STRICT;
  CREATE TABLE boot (id INTEGER PRIMARY KEY, bootId TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE dead (
    seq INTEGER PRIMARY KEY, lane INTEGER NOT NULL, back INTEGER NOT NULL, kind INTEGER NOT NULL,
    boot INTEGER NOT NULL, clock INTEGER NOT NULL, timeUs INTEGER NOT NULL, monoUs INTEGER NOT NULL,
    payload BLOB NOT NULL, reason TEXT NOT NULL
  ) STRICT;
  ${LANES.map(laneTable).join('')}
  ${LANES.map((_, id) => `INSERT INTO lane VALUES (${id}, 0, 0, 0, 0, 0, 0, 0);`).join('\n')}`

/** The bytes of an outbox without a record. */
export function emptyOutbox(): Buffer {
  const db = openSqlite(':memory:', undefined)
  try {
    db.pragma(`page_size = ${PAGE_BYTES}`)
    db.pragma('auto_vacuum = INCREMENTAL')
    fill(db, '', '')
    return db.serialize()
  } finally {
    db.close()
  }
}

/** Whose outbox this file is; throws what SQLite throws, or `OUTBOX_FOREIGN`. */
export function ownerOf(path: string, key?: Key): { vehicle: string; epoch: string } {
  const db = openSqlite(path, key, { fileMustExist: true })
  try {
    db.pragma('locking_mode = EXCLUSIVE')
    if (db.pragma('application_id', { simple: true }) !== APPLICATION_ID) {
      throw new SyncError('OUTBOX_FOREIGN', `${path} is a database, but not an outbox`)
    }
    const meta = db.prepare<[string], string>('SELECT value FROM meta WHERE key = ?').pluck()
    return { vehicle: meta.get('vehicle') as string, epoch: meta.get('epoch') as string }
  } finally {
    db.close()
  }
}

/** Opens or makes the database file; throws what SQLite throws, or `OUTBOX_FOREIGN`. */
export function openDatabase(
  path: string,
  vehicle: string,
  limits: OutboxLimits,
  key?: Key,
): { db: Database; epoch: string } {
  const log = walBytes(limits)
  // The last fence: what the estimates of eviction miss, SQLite itself refuses. The log may for a
  // moment be twice its size, by one transaction that began just before the limit.
  const maxFileBytes = limits.maxBytes - 2 * log
  const db = openFile(path, { walBytes: log, maxFileBytes, exclusive: true, ...(key && { key }) })
  try {
    db.pragma(`journal_size_limit = ${log}`)
    const epoch = identify(db, path, vehicle)
    check(db, path, limits)
    foldFound(db)
    return { db, epoch }
  } catch (error) {
    db.close()
    throw error
  }
}

/**
 * A log that was found may be in the system's memory alone, where a sync of it failed: what is in it counts
 * from here on, so it goes where it can be synced, unless there is no room.
 */
function foldFound(db: Database): void {
  try {
    db.pragma('wal_checkpoint(PASSIVE)')
  } catch (error) {
    if ((error as { code?: string }).code !== 'SQLITE_FULL') throw error
  }
}

function identify(db: Database, path: string, vehicle: string): string {
  const application = db.pragma('application_id', { simple: true })
  const tables = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get()
  if (tables === 0) return create(db, path, vehicle)
  if (application !== APPLICATION_ID) {
    throw new SyncError('OUTBOX_FOREIGN', `${path} is a database, but not an outbox`, {
      hint: 'Give this vehicle a dataDir of its own.',
    })
  }
  const format = db.pragma('user_version', { simple: true })
  if (format !== FORMAT) {
    throw new SyncError('OUTBOX_FOREIGN', `${path} has format ${format}, this is for ${FORMAT}`, {
      hint: 'It was written by another version of milepost: run that one until it is empty.',
    })
  }
  const meta = new Map(
    db.prepare<[], [string, string]>('SELECT key, value FROM meta').raw().all() as [
      string,
      string,
    ][],
  )
  if (meta.get('vehicle') !== vehicle) {
    throw new SyncError(
      'OUTBOX_FOREIGN',
      `${path} belongs to vehicle ${meta.get('vehicle')}, not to ${vehicle}`,
      { hint: `Set the vehicle back, or move the file away once it is empty.` },
    )
  }
  return meta.get('epoch')!
}

function create(db: Database, path: string, vehicle: string): string {
  const epoch = newEpoch()
  db.transaction(() => fill(db, vehicle, epoch))()
  syncFolder(path)
  return epoch
}

function fill(db: Database, vehicle: string, epoch: string): void {
  db.exec(SCHEMA)
  const put = db.prepare('INSERT INTO meta VALUES (?, ?)')
  put.run('vehicle', vehicle)
  put.run('epoch', epoch)
  db.pragma(`application_id = ${APPLICATION_ID}`)
  db.pragma(`user_version = ${FORMAT}`)
}

/** A large file would keep the vehicle waiting: there, damage shows when it is read, and is met then. */
function check(db: Database, path: string, limits: OutboxLimits): void {
  if (statSync(path).size > limits.maxCheckedBytes) return
  const answer = db.pragma('quick_check(1)', { simple: true })
  if (answer === 'ok') return
  throw Object.assign(new Error(`quick_check: ${answer}`), { code: 'SQLITE_CORRUPT' })
}

/** Short enough for every header, random enough to never meet another. */
export function newEpoch(): string {
  return randomBytes(9).toString('base64url')
}
