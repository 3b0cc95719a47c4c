import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** How a name begins that was being written when the power went; removed at the next start. */
export const DRAFT_PREFIX = '.draft-'

/** The name under which what shall become `path` is written first. */
export function draftOf(path: string): string {
  return join(dirname(path), `${DRAFT_PREFIX}${basename(path)}`)
}

/**
 * Writes a file so that a kill or a power cut at any instant leaves the old content or the new, whole:
 * beside its place, fsync, rename, fsync of the folder.
 */
export function writeDurably(path: string, content: string): void {
  const draft = draftOf(path)
  try {
    const file = openSync(draft, 'w', 0o640)
    try {
      writeFileSync(file, content)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(draft, path)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
  syncPath(dirname(path))
}

/** Sees a file, or the names in a folder, onto the disk. */
export function syncPath(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Sees a whole folder onto the disk: files first, then the names of them. */
export function syncTree(dir: string): void {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) syncTree(path)
    else if (entry.isFile()) syncPath(path)
  }
  syncPath(dir)
}

/** Removes what was being written when the last process ended. */
export function removeDrafts(dir: string): void {
  for (const name of readdirSync(dir)) {
    if (name.startsWith(DRAFT_PREFIX)) rmSync(join(dir, name), { recursive: true, force: true })
  }
}
