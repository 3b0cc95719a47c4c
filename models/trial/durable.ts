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

/**
 * Writes a file so that a kill or a power cut at any instant leaves the old content or the new, whole:
 * beside its place, fsync, rename, fsync of the folder.
 */
export function writeDurably(path: string, content: string | Uint8Array): void {
  const draft = join(dirname(path), `.${basename(path)}`)
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

function syncPath(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Removes what was being written when the last process ended: whatever begins with a dot. */
export function removeDrafts(dir: string): void {
  for (const name of readdirSync(dir)) {
    if (name.startsWith('.')) rmSync(join(dir, name), { recursive: true, force: true })
  }
}
