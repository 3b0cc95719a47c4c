import type { Statement } from 'better-sqlite3'
import { SyncError } from '../errors.ts'
import { type Database, syncFolder } from '../outbox/database.ts'
import { Dictionary } from '../outbox/dictionary.ts'
import { newEpoch } from '../outbox/schema.ts'
import { CLOCKS, JSON_TYPE } from '../outbox/shelf.ts'
import { LANES, type Lane, type StoredRecord } from '../record.ts'

/** `mprl`: says that a SQLite file is a relay's store. */
const APPLICATION_ID = 0x6d70726c
const FORMAT = 1
/** Refused records kept for a person to look at. */
const MAX_DEAD = 1_000

// AUTOINCREMENT: an id must not come again when the table was emptied.
const laneTable = (name: string) => `
  CREATE TABLE ${name} (
    id INTEGER PRIMARY KEY AUTOINCREMENT, origin INTEGER NOT NULL, seq INTEGER NOT NULL,
    back INTEGER NOT NULL, kind INTEGER NOT NULL, bootId TEXT NOT NULL, clock INTEGER NOT NULL,
    timeUs INTEGER NOT NULL, monoUs INTEGER NOT NULL, payload BLOB NOT NULL
  ) STRICT;`

const SCHEMA = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE origin (
    id INTEGER PRIMARY KEY AUTOINCREMENT, vehicle TEXT NOT NULL, epoch TEXT NOT NULL,
    critical INTEGER NOT NULL, events INTEGER NOT NULL, telemetry INTEGER NOT NULL,
    UNIQUE (vehicle, epoch)
  ) STRICT;
  CREATE TABLE kind (
    id INTEGER PRIMARY KEY, type TEXT NOT NULL, contentType TEXT NOT NULL, UNIQUE (type, contentType)
  ) STRICT;
  CREATE TABLE dead (
    id INTEGER PRIMARY KEY AUTOINCREMENT, vehicle TEXT NOT NULL, epoch TEXT NOT NULL,
    lane TEXT NOT NULL, seq INTEGER NOT NULL, reason TEXT NOT NULL, payload BLOB NOT NULL
  ) STRICT;
  ${LANES.map(laneTable).join('')}`

type Row = [number, number, number, number, number, string, number, number, number, Buffer]

interface Statements {
  readonly insert: Statement
  readonly read: Statement<[number, number], Row>
  readonly release: Statement<[number]>
  readonly count: Statement<[], number>
  readonly lastId: Statement<[string], number>
}

/** The rows of a relay's store. */
export class RelayTables {
  epoch: string
  readonly #db: Database
  readonly #kinds: Dictionary
  readonly #lanes: Record<Lane, Statements>

  constructor(db: Database, path: string) {
    this.epoch = identify(db, path)
    this.#db = db
    this.#kinds = new Dictionary(db, 'kind')
    const statements = (lane: Lane): Statements => ({
      insert: db.prepare(`INSERT INTO ${lane} VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
      read: db.prepare(`SELECT * FROM ${lane} WHERE id > ? ORDER BY id LIMIT ?`).raw() as never,
      release: db.prepare(`DELETE FROM ${lane} WHERE id <= ?`),
      // Ids have no holes but those of buried records; counting rows would read the whole table.
      count: db
        .prepare(
          `SELECT coalesce((SELECT max(id) FROM ${lane}) - (SELECT min(id) FROM ${lane}) + 1, 0)`,
        )
        .pluck() as never,
      lastId: db.prepare('SELECT seq FROM sqlite_sequence WHERE name = ?').pluck() as never,
    })
    this.#lanes = {
      critical: statements('critical'),
      events: statements('events'),
      telemetry: statements('telemetry'),
    }
  }

  insert(originId: number, record: StoredRecord): void {
    const { lane, seq, prev, type, contentType, bootId, clock, timeUs, monoUs, payload } = record
    this.#lanes[lane].insert.run(
      originId,
      seq,
      seq - prev,
      this.#kind(type, contentType || JSON_TYPE),
      bootId,
      CLOCKS.indexOf(clock),
      Math.round(timeUs),
      Math.round(monoUs),
      payload,
    )
  }

  read(lane: Lane, afterId: number, maxRecords: number, maxBytes: number) {
    const rows: { id: number; originId: number; record: StoredRecord }[] = []
    let bytes = 0
    for (const row of this.#lanes[lane].read.iterate(afterId, maxRecords)) {
      const [id, originId, seq, back, kind, bootId, clock, timeUs, monoUs, payload] = row
      bytes += payload.length
      if (rows.length > 0 && bytes > maxBytes) break
      const [type, contentType] = this.#words(kind)
      const record = { lane, seq, prev: seq - back, type, timeUs, monoUs, bootId }
      rows.push({
        id,
        originId,
        record: { ...record, clock: CLOCKS[clock], contentType, payload },
      })
    }
    return rows
  }

  lastId(lane: Lane): number {
    return this.#lanes[lane].lastId.get(lane) ?? 0
  }

  release(lane: Lane, lastId: number): void {
    if (lastId > 0) this.#lanes[lane].release.run(lastId)
  }

  renewEpoch(): void {
    const epoch = newEpoch()
    this.#db.prepare("UPDATE meta SET value = ? WHERE key = 'epoch'").run(epoch)
    this.epoch = epoch
  }

  bury(lane: Lane, id: number, reason: string): void {
    const columns = 'vehicle, epoch, lane, seq, reason, payload'
    this.#db
      .prepare(
        `INSERT INTO dead (${columns}) SELECT vehicle, epoch, ?, r.seq, ?, r.payload
         FROM ${lane} r JOIN origin o ON o.id = r.origin WHERE r.id = ?`,
      )
      .run(lane, reason, id)
    this.#db.prepare(`DELETE FROM ${lane} WHERE id = ?`).run(id)
    this.#db.prepare('DELETE FROM dead WHERE id <= (SELECT max(id) FROM dead) - ?').run(MAX_DEAD)
  }

  count(lane: Lane): number {
    return this.#lanes[lane].count.get() ?? 0
  }

  /** Forgets what a rolled-back transaction added. */
  forget(): void {
    this.#kinds.reload()
  }

  // Another process may have given a kind its number: what is not known is looked up again first.
  #kind(type: string, contentType: string): number {
    if (this.#kinds.find(type, contentType) === undefined) this.#kinds.reload()
    return this.#kinds.id(type, contentType)
  }

  #words(kind: number): readonly string[] {
    if (this.#kinds.words(kind).length === 0) this.#kinds.reload()
    return this.#kinds.words(kind)
  }
}

function identify(db: Database, path: string): string {
  const epoch = db
    .transaction(() => {
      const tables = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get()
      if (tables === 0) {
        db.exec(SCHEMA)
        db.prepare("INSERT INTO meta VALUES ('epoch', ?)").run(newEpoch())
        db.pragma(`application_id = ${APPLICATION_ID}`)
        db.pragma(`user_version = ${FORMAT}`)
      }
      const application = db.pragma('application_id', { simple: true })
      const format = db.pragma('user_version', { simple: true })
      if (application !== APPLICATION_ID || format !== FORMAT) {
        throw new SyncError('OUTBOX_FOREIGN', `${path} is no relay store of format ${FORMAT}`, {
          hint: 'Point the relay at a file of its own.',
        })
      }
      return db.prepare("SELECT value FROM meta WHERE key = 'epoch'").pluck().get() as string
    })
    .immediate()
  syncFolder(path)
  return epoch
}
