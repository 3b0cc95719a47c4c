import { SyncError } from '../errors.ts'

const HINTS = {
  OUTBOX_FULL: 'Free some space on the disk that holds the outbox, or lower outbox.maxMiB.',
  OUTBOX_CORRUPT:
    'Nothing to do now: the file is put aside and a new one begun. Check the SD card.',
  OUTBOX_LOCKED: 'Another milepost uses this file. Stop it, or give this one its own dataDir.',
  OUTBOX_READONLY:
    'Check that the disk is there, mounted read-write, and writable for this user; then the SD card.',
} as const

const READONLY_ERRNO = new Set([
  'EROFS',
  'EACCES',
  'EPERM',
  'EIO',
  'ENOENT',
  'ENOTDIR',
  'EEXIST',
  'ENODEV',
])

/**
 * Names a failure of SQLite or the file system in the words of this room. What it does not know is
 * given back as it is: a bug should look like one.
 */
export function outboxFault(error: unknown, path: string): unknown {
  const code = faultCode((error as { code?: unknown } | null)?.code)
  if (!code) return error
  const message = `outbox ${path}: ${error instanceof Error ? error.message : String(error)}`
  return new SyncError(code, message, { cause: error, hint: HINTS[code] })
}

function faultCode(code: unknown): keyof typeof HINTS | undefined {
  if (typeof code !== 'string') return undefined
  if (code === 'SQLITE_FULL' || code === 'ENOSPC' || code === 'EDQUOT') return 'OUTBOX_FULL'
  // The file that connections share could not be made so long: the disk has no room for it.
  if (code === 'SQLITE_IOERR_SHMSIZE') return 'OUTBOX_FULL'
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT')) return 'OUTBOX_CORRUPT'
  if (code === 'SQLITE_IOERR_CORRUPTFS') return 'OUTBOX_CORRUPT'
  if (code.startsWith('SQLITE_BUSY') || code === 'SQLITE_LOCKED') return 'OUTBOX_LOCKED'
  if (/^SQLITE_(READONLY|IOERR|CANTOPEN|PERM)/.test(code)) return 'OUTBOX_READONLY'
  return READONLY_ERRNO.has(code) ? 'OUTBOX_READONLY' : undefined
}
