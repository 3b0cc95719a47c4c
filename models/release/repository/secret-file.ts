import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { onDisk } from '../disk.ts'

/** Writes a small file for its owner's eyes, whole or not at all. */
export function writeSecret(path: string, text: string, mode = 0o600): Promise<void> {
  return onDisk(`writing ${path}`, written(path, text, mode))
}

async function written(path: string, text: string, mode: number): Promise<void> {
  const fresh = `${path}.new`
  const file = await open(fresh, 'w', mode)
  try {
    await file.chmod(mode)
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(fresh, path)
  const dir = await open(dirname(path), 'r')
  await dir.sync().finally(() => dir.close())
}
