import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Database } from 'better-sqlite3'
import type { Key } from './key.ts'
import { openSqlite } from './sqlite.ts'

/** A corrupt outbox that was put aside. */
export interface Quarantined {
  readonly file: string
  /** Its epoch, where that could still be read. */
  readonly epoch: string | undefined
}

/**
 * Renames a corrupt outbox and its log, so that a new one can begin at once and the old one can be
 * looked at later. Keeps the newest `maxFiles` such files.
 */
export function quarantine(path: string, maxFiles: number, key?: Key): Quarantined {
  const folder = dirname(path)
  const prefix = `${basename(path)}.corrupt-`
  const taken = quarantined(folder, prefix)
  // Counted, not dated: the clock may stand in 1970.
  const number = taken.length === 0 ? 1 : numberOf(taken.at(-1)!, prefix) + 1
  const file = join(folder, prefix + number)
  // The log first: without its database it would be taken for the new file's.
  const log = existsSync(`${path}-wal`)
  if (log) renameSync(`${path}-wal`, `${file}.log`)
  renameSync(path, file)
  const epoch = epochOf(file, key)
  if (log) renameSync(`${file}.log`, `${file}-wal`)
  for (const name of taken.slice(0, Math.max(0, taken.length + 1 - maxFiles))) {
    rmSync(join(folder, name), { force: true })
    rmSync(join(folder, `${name}-wal`), { force: true })
  }
  return { file, epoch }
}

function quarantined(folder: string, prefix: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith(prefix) && Number.isInteger(numberOf(name, prefix)))
    .sort((a, b) => numberOf(a, prefix) - numberOf(b, prefix))
}

function numberOf(name: string, prefix: string): number {
  return Number(name.slice(prefix.length))
}

/** Looked up without the log, so that nothing of what is to be examined is folded away. */
function epochOf(file: string, key: Key | undefined): string | undefined {
  let db: Database | undefined
  try {
    db = openSqlite(file, key)
    db.pragma('locking_mode = EXCLUSIVE')
    const epoch = db.prepare("SELECT value FROM meta WHERE key = 'epoch'").pluck().get()
    return typeof epoch === 'string' ? epoch : undefined
  } catch {
    return undefined
  } finally {
    db?.close()
    rmSync(`${file}-wal`, { force: true })
    rmSync(`${file}-shm`, { force: true })
  }
}
