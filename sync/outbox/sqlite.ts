import { createRequire } from 'node:module'
import Plain from 'better-sqlite3'
import { SyncError } from '../errors.ts'
import type { Key } from './key.ts'

const PACKAGE = 'better-sqlite3-multiple-ciphers'
const require = createRequire(import.meta.url)

/**
 * Opens a file of this room: with better-sqlite3, or where there is a key with its build that has
 * ciphers (SQLite3 Multiple Ciphers; ChaCha20-Poly1305, each page authenticated), log included.
 */
export function openSqlite(
  path: string,
  key: Key | undefined,
  options: Plain.Options = {},
): Plain.Database {
  if (!key) return new Plain(path, options)
  const db = new (ciphers())(path, options)
  try {
    db.pragma("cipher = 'chacha20'")
    db.pragma(key.pragma)
    return db
  } catch {
    db.close()
    // Not the error itself: SQLite's may name the statement, which holds the key.
    throw new SyncError('OUTBOX_KEY', `${path}: the key could not be set`)
  }
}

/** A plain file, by the build that can encrypt it. */
export function openPlainForRekey(path: string): Plain.Database {
  const db = new (ciphers())(path, { fileMustExist: true })
  db.pragma("cipher = 'chacha20'")
  return db
}

function ciphers(): typeof Plain {
  try {
    return require(PACKAGE) as typeof Plain
  } catch (cause) {
    throw new SyncError('OUTBOX_KEY', `${PACKAGE} cannot be loaded`, {
      cause,
      hint: `An encrypted outbox needs it: npm install ${PACKAGE}`,
    })
  }
}
