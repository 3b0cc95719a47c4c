import { randomBytes } from 'node:crypto'
import { link, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeFolder } from '../../durable.ts'
import { onDisk } from '../disk.ts'
import { ReleaseError } from '../errors.ts'
import { FolderSource } from '../source/folder.ts'
import type { ReleaseSource } from '../source.ts'

/** Where a repository is kept by who publishes: a source that can also be written. */
export interface RepositoryStore extends ReleaseSource {
  /** Length of a file; undefined where there is none. */
  has(path: string): Promise<number | undefined>
  /**
   * Writes a whole file: whoever reads sees the old one or the new one. Resolves once it is safe.
   * @param options.ifAbsent answers false, and writes nothing, where there is one
   */
  put(path: string, bytes: Uint8Array, options?: { ifAbsent?: boolean }): Promise<boolean>
}

/** Opens the place of a repository to write: `s3://bucket/folder`, else a folder. */
export async function openStore(address: string): Promise<RepositoryStore> {
  if (/^https?:\/\//.test(address)) {
    throw new ReleaseError('RELEASE_INPUT', `${address} cannot be written`, {
      hint: 'Give the folder or the s3://bucket that the web server shows.',
    })
  }
  if (address.startsWith('s3://')) return new (await import('../source/s3.ts')).S3Store(address)
  return new FolderStore(address)
}

export class FolderStore extends FolderSource implements RepositoryStore {
  has(path: string): Promise<number | undefined> {
    return stat(join(this.name, path)).then(
      ({ size }) => size,
      () => undefined,
    )
  }

  put(path: string, bytes: Uint8Array, options: { ifAbsent?: boolean } = {}): Promise<boolean> {
    return onDisk(`writing ${path}`, this.#put(join(this.name, path), bytes, options.ifAbsent))
  }

  async #put(path: string, bytes: Uint8Array, ifAbsent = false): Promise<boolean> {
    const folder = dirname(path)
    makeFolder(folder)
    const fresh = join(folder, `.${randomBytes(6).toString('hex')}.new`)
    try {
      const file = await open(fresh, 'wx', 0o644)
      try {
        await file.writeFile(bytes)
        await file.sync()
      } finally {
        await file.close()
      }
      if (!(await (ifAbsent ? appear(fresh, path) : rename(fresh, path).then(() => true)))) {
        return false
      }
      const dir = await open(folder, 'r')
      await dir.sync().finally(() => dir.close())
      return true
    } finally {
      await rm(fresh, { force: true })
    }
  }
}

/** Gives a file its name unless another has it. A stick's file system may know no second names. */
async function appear(fresh: string, path: string): Promise<boolean> {
  try {
    await link(fresh, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    const isThere = await stat(path).then(
      () => true,
      () => false,
    )
    if (!isThere) await rename(fresh, path)
    return !isThere
  }
}
