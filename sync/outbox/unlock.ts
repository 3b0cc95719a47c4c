import { type Key, type KeySource, readKey, requireKey } from './key.ts'
import { ownerOf } from './schema.ts'

/** The key of this file, or undefined for a plain one. Throws `OUTBOX_KEY` where they do not fit. */
export function unlock(path: string, source: KeySource | undefined): Key | undefined {
  const key = source && readKey(source)
  requireKey(path, key, () => opens(path, key))
  return key
}

function opens(path: string, key: Key | undefined): boolean {
  try {
    ownerOf(path, key)
    return true
  } catch {
    return false
  }
}
