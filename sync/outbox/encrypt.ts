import { rmSync } from 'node:fs'
import { SyncError } from '../errors.ts'
import { syncFolder } from './database.ts'
import { outboxFault } from './faults.ts'
import { type KeySource, readKey, stampKey, stampPath } from './key.ts'
import { openPlainForRekey, openSqlite } from './sqlite.ts'
import { unlock } from './unlock.ts'
import { outboxOwner } from './verify.ts'

/**
 * Encrypts an outbox that nobody uses, in place and in one transaction with a rollback journal: a
 * power cut leaves it as it was, or encrypted. Throws `OUTBOX_KEY` where it is encrypted already.
 */
export function encryptOutbox(path: string, source: KeySource): void {
  // Says whose it is, that it is plain, and that nobody else has it.
  outboxOwner(path)
  const key = readKey(source)
  const db = openPlainForRekey(path)
  try {
    db.pragma('locking_mode = EXCLUSIVE')
    db.pragma('journal_mode = DELETE')
    db.pragma('synchronous = FULL')
    // Before the pages: a cut between the two leaves a plain file, which a stamp does not matter to.
    stampKey(path, key)
    rekey(path, () => db.pragma(`re${key.pragma}`))
  } catch (error) {
    throw outboxFault(error, path)
  } finally {
    db.close()
  }
  syncFolder(path)
}

/** The way back: the same for an encrypted outbox that shall be plain. */
export function decryptOutbox(path: string, source: KeySource): void {
  outboxOwner(path, source)
  const db = openSqlite(path, unlock(path, source))
  try {
    db.pragma('locking_mode = EXCLUSIVE')
    db.pragma('journal_mode = DELETE')
    db.pragma('synchronous = FULL')
    rekey(path, () => db.pragma("rekey = ''"))
  } catch (error) {
    throw outboxFault(error, path)
  } finally {
    db.close()
  }
  rmSync(stampPath(path), { force: true })
  syncFolder(path)
}

/** SQLite's own message may name the statement, which holds the key. */
function rekey(path: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    const { code } = error as { code?: string }
    throw new SyncError('OUTBOX_KEY', `${path} could not be rewritten (${code ?? 'no code'})`, {
      hint: 'It needs as much free space again as the file has; the file is as it was.',
    })
  }
}
