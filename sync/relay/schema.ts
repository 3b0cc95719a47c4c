import { SyncError } from '../errors.ts'
import { type Database, syncFolder } from '../outbox/database.ts'
import { newEpoch } from '../outbox/schema.ts'
import { LANES } from '../record.ts'

/** `mprl`: says that a SQLite file is a relay's store. */
const APPLICATION_ID = 0x6d70726c
const FORMAT = 3
/** Without the columns of tips, of which nothing can be told until the next record of a lane. */
const FORMAT_WITHOUT_TIPS = 2

const TIP_COLUMNS = LANES.map((lane) => `${lane}Tip TEXT NOT NULL DEFAULT ''`)

// AUTOINCREMENT: an id must not come again when the table was emptied.
const SCHEMA = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE lane (
    lane INTEGER PRIMARY KEY, lastId INTEGER NOT NULL, releasedId INTEGER NOT NULL,
    foldedId INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE batch (
    id INTEGER PRIMARY KEY AUTOINCREMENT, lane INTEGER NOT NULL, lastId INTEGER NOT NULL,
    records INTEGER NOT NULL, bytes BLOB NOT NULL
  ) STRICT;
  CREATE INDEX batchOfLane ON batch (lane, lastId);
  CREATE TABLE origin (
    id INTEGER PRIMARY KEY AUTOINCREMENT, vehicle TEXT NOT NULL, epoch TEXT NOT NULL,
    critical INTEGER NOT NULL, events INTEGER NOT NULL, telemetry INTEGER NOT NULL,
    batch INTEGER NOT NULL, ${TIP_COLUMNS.join(', ')}, UNIQUE (vehicle, epoch)
  ) STRICT;
  CREATE TABLE kind (
    id INTEGER PRIMARY KEY, type TEXT NOT NULL, contentType TEXT NOT NULL, UNIQUE (type, contentType)
  ) STRICT;
  CREATE TABLE refused (lane INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (lane, id))
    STRICT, WITHOUT ROWID;
  CREATE TABLE dead (
    id INTEGER PRIMARY KEY AUTOINCREMENT, vehicle TEXT NOT NULL, epoch TEXT NOT NULL,
    lane TEXT NOT NULL, seq INTEGER NOT NULL, reason TEXT NOT NULL, payload BLOB NOT NULL
  ) STRICT;
  ${LANES.map((_, n) => `INSERT INTO lane VALUES (${n}, 0, 0, 0);`).join('')}`

/** Makes the tables of a new store, or checks that a file is one; answers its epoch. */
export function identify(db: Database, path: string): string {
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
      if (application === APPLICATION_ID) addTips(db)
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

/** Brings a store of an earlier release up to this one; inside a transaction. */
function addTips(db: Database): void {
  if (db.pragma('user_version', { simple: true }) !== FORMAT_WITHOUT_TIPS) return
  for (const column of TIP_COLUMNS) db.exec(`ALTER TABLE origin ADD COLUMN ${column}`)
  db.pragma(`user_version = ${FORMAT}`)
}

export function renewEpoch(db: Database): string {
  const epoch = newEpoch()
  db.prepare("UPDATE meta SET value = ? WHERE key = 'epoch'").run(epoch)
  return epoch
}
