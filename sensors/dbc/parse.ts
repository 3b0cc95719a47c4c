import { readFile } from 'node:fs/promises'
import { SensorError } from '../errors.ts'
import type { Database } from './database.ts'
import { readStatements } from './grammar.ts'
import { link } from './link.ts'
import { dbcText } from './text.ts'

/**
 * Parses a DBC file from its bytes or text. `file` is what errors and warnings call it.
 * Throws `DbcError` (`DBC_SYNTAX`, `DBC_INVALID`) with file, line, reason and hint; what is doubtful
 * but harmless stands in `warnings`. Accepts what cantools accepts; the README lists exceptions.
 */
export function parseDbc(source: Uint8Array | string, file: string): Database {
  const text = typeof source === 'string' ? source : dbcText(source, file)
  return link(readStatements(text.startsWith('\ufeff') ? text.slice(1) : text, file), file)
}

/** Reads and parses a DBC file. Throws like `parseDbc`, and `DBC_UNREADABLE` where it cannot be read. */
export async function loadDbc(file: string): Promise<Database> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(file)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    throw new SensorError('DBC_UNREADABLE', `${file}: the DBC file cannot be read (${code})`, {
      cause,
      hint: 'Check the path, and that this user may read the file.',
    })
  }
  return parseDbc(bytes, file)
}
