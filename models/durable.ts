import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
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
  syncFolder(dirname(path))
}

/** Brings a folder's entries to disk: a file that was made or renamed in it is found after a power cut. */
export function syncFolder(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** The same for who must not wait for a disk. One at a time for a path. */
export async function writeDurablyLater(
  path: string,
  content: string | Uint8Array,
  mode = 0o644,
): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}`)
  try {
    const file = await open(draft, 'w', mode)
    try {
      // A draft of an earlier process may have had another mode.
      await file.chmod(mode)
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
  const folder = await open(dirname(path), 'r')
  await folder.sync().finally(() => folder.close())
}

/** Removes what was being written when the last process ended: whatever begins with a dot. */
export function removeDrafts(dir: string): void {
  for (const name of readdirSync(dir)) {
    if (name.startsWith('.')) rmSync(join(dir, name), { recursive: true, force: true })
  }
}
