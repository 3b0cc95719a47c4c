import { constants } from 'node:fs'
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
} from 'node:fs/promises'
import { dirname } from 'node:path'
import { ReleaseError } from './errors.ts'

/** A file that grows at its end. */
export interface GrowingFile {
  /** Bytes in it when it was opened. */
  readonly length: number
  append(bytes: Uint8Array): Promise<void>
  /** Cuts it to so many bytes. */
  cut(length: number): Promise<void>
  sync(): Promise<void>
  close(): Promise<void>
}

/**
 * The steps on a disk of which everything in this room is made, handed in so that a test can stop the
 * disk, or end the process, at any of them. What a step changed survives a power cut once it was
 * synced: a file by its own sync, a name by `syncDir` of its folder.
 */
export interface Disk {
  read(path: string): Promise<Buffer>
  /** Names in a folder; none where there is no folder. */
  list(dir: string): Promise<string[]>
  /** Length of a file; undefined where there is none. */
  size(path: string): Promise<number | undefined>
  /** Writes a whole file and syncs it. */
  write(path: string, bytes: Uint8Array): Promise<void>
  grow(path: string): Promise<GrowingFile>
  /** Syncs a file that somebody else wrote. */
  sync(path: string): Promise<void>
  syncDir(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  makeDir(path: string): Promise<void>
  /** Removes a file or a whole folder; it may be gone already. */
  remove(path: string): Promise<void>
  /** Bytes that are free on the disk of a folder. */
  free(dir: string): Promise<number>
}

export const realDisk: Disk = {
  read: (path) => readFile(path),
  list: (dir) => readdir(dir).catch(orIfMissing<string[]>([])),
  size: (path) => stat(path).then(({ size }) => size, orIfMissing(undefined)),
  async write(path, bytes) {
    const file = await open(path, 'w', 0o644)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
  },
  async grow(path) {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o644)
    return new GrowingHandle(file, (await file.stat()).size)
  },
  sync: (path) => syncing(path),
  syncDir: (path) => syncing(path),
  rename: (from, to) => rename(from, to),
  makeDir: async (path) => void (await mkdir(path, { recursive: true })),
  remove: (path) => rm(path, { recursive: true, force: true }),
  free: async (dir) => {
    const { bavail, bsize } = await statfs(dir)
    return bavail * bsize
  },
}

class GrowingHandle implements GrowingFile {
  readonly length: number
  readonly #file: FileHandle
  #end: number

  constructor(file: FileHandle, length: number) {
    this.#file = file
    this.length = length
    this.#end = length
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, this.#end)
      done += bytesWritten
      this.#end += bytesWritten
    }
  }

  async cut(length: number): Promise<void> {
    await this.#file.truncate(length)
    this.#end = length
  }

  sync(): Promise<void> {
    return this.#file.sync()
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

async function syncing(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

function orIfMissing<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') return value
    throw error
  }
}

/** Replaces a file in one step: whoever reads sees the old one or the new one, also after a power cut. */
export async function replaceFile(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const fresh = `${path}.new`
  await disk.write(fresh, bytes)
  await disk.rename(fresh, path)
  await disk.syncDir(dirname(path))
}

/** Names what the disk refused; anything else passes as it is. */
export function onDisk<T>(doing: string, step: Promise<T>): Promise<T> {
  return step.catch((error: unknown) => {
    throw diskError(doing, error)
  })
}

export function diskError(doing: string, error: unknown): unknown {
  if (error instanceof ReleaseError) return error
  const { code, message } = (error ?? {}) as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(doing, error)
  if (typeof code !== 'string' || !/^E[A-Z0-9]+$/.test(code)) return error
  return new ReleaseError('RELEASE_DISK', `${doing}: ${message}`, {
    cause: error,
    hint: 'Look at the disk: is it mounted read-only, worn out, or the folder of another user? What runs goes on.',
  })
}

export function diskFull(doing: string, cause?: unknown): ReleaseError {
  return new ReleaseError('RELEASE_DISK_FULL', `${doing}: the disk is full`, {
    cause,
    hint: 'Make room; what was fetched so far is kept and taken up at the next try. What runs goes on.',
  })
}
