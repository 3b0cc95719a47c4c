import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'

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

/**
 * Makes a folder that a person has named, with its parents; it may be there already. Node's own recursive
 * mkdir never returns, and hears no signal, where a folder that is there answers ENOENT to a new one within
 * it, as /proc and some automatic mounts do. This one goes up once and down once.
 * @throws as `mkdirSync` does
 */
export function makeFolder(path: string, mode = 0o777): void {
  makeWithParents(resolve(path), mode)
}

function makeWithParents(path: string, mode: number): void {
  if (isFolder(path)) return
  const parent = dirname(path)
  if (parent !== path) makeWithParents(parent, mode)
  try {
    mkdirSync(path, { mode })
  } catch (cause) {
    // Another process may have made it since.
    if (!isFolder(path)) throw cause
  }
}

const isFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

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
