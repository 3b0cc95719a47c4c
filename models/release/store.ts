import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { type Disk, diskFull, type GrowingFile, onDisk } from './disk.ts'
import { ReleaseError } from './errors.ts'
import type { DownloadProgress, ReleaseLimits } from './release.ts'
import type { ReleaseSource } from './source.ts'
import { stopped, tooLong, transfer } from './transfer.ts'

export interface Wanted {
  /** Path in the source. */
  readonly path: string
  /** In bytes. */
  readonly length: number
  /** By algorithm, in hex: each is checked. */
  readonly hashes: Readonly<Record<string, string>>
}

/** A half-fetched file is synced after so many bytes: so much is fetched twice after a power cut. */
const SYNC_EVERY_BYTES = 4 << 20

/**
 * Files by their hash: `store/<hash>` is whole and right, `partial/<hash>` is on its way. A file comes
 * into the store by one rename, after it was hashed and synced.
 */
export class Store {
  readonly #disk: Disk
  readonly #storeDir: string
  readonly #partialDir: string
  readonly #limits: ReleaseLimits

  constructor(disk: Disk, dir: string, limits: ReleaseLimits) {
    this.#disk = disk
    this.#storeDir = join(dir, 'store')
    this.#partialDir = join(dir, 'partial')
    this.#limits = limits
  }

  /** Path of a file that was hashed just now; undefined where it is not there or was damaged. */
  async find(hashes: Readonly<Record<string, string>>): Promise<string | undefined> {
    const path = join(this.#storeDir, nameOf(hashes))
    if ((await this.#disk.size(path)) === undefined) return undefined
    return (await isRight(path, hashes)) ? path : undefined
  }

  async fetch(
    source: ReleaseSource,
    wanted: Wanted,
    signal: AbortSignal | undefined,
    onProgress: (progress: DownloadProgress) => void,
  ): Promise<string> {
    const { length, hashes } = wanted
    if (length > this.#limits.maxReleaseBytes) {
      throw new ReleaseError(
        'RELEASE_TOO_LONG',
        `${wanted.path} has ${length} bytes, ${this.#limits.maxReleaseBytes} are allowed`,
        { hint: 'Raise the limit if a release this large is wanted here.' },
      )
    }
    const there = await this.find(hashes)
    if (there) {
      onProgress({ bytes: length, length })
      return there
    }
    const doing = `download of ${wanted.path}`
    await onDisk(doing, this.#disk.makeDir(this.#storeDir))
    await onDisk(doing, this.#disk.makeDir(this.#partialDir))
    const partial = join(this.#partialDir, nameOf(hashes))
    const file = await onDisk(doing, this.#disk.grow(partial))
    try {
      await new Download(source, wanted, file, this.#limits, onProgress).run(
        () => this.#mustHaveRoom(doing),
        signal,
      )
      await onDisk(doing, file.sync())
    } finally {
      await file.close()
    }
    if (!(await isRight(partial, hashes))) {
      // Damaged here or there: from the start then, at the next call.
      await onDisk(doing, this.#disk.remove(partial))
      throw new ReleaseError('RELEASE_HASH', `${source.name} has other bytes for ${wanted.path}`, {
        hint: 'It was changed on the way, or is broken at its source: `milepost release verify` tells. It is fetched anew at the next try; what runs goes on.',
      })
    }
    const path = join(this.#storeDir, nameOf(hashes))
    await onDisk(doing, this.#disk.rename(partial, path))
    await onDisk(doing, this.#disk.syncDir(this.#storeDir))
    await onDisk(doing, this.#disk.syncDir(this.#partialDir))
    return path
  }

  /** Removes all but these; answers the bytes of what was removed. */
  async keepOnly(names: ReadonlySet<string>): Promise<number> {
    let bytes = 0
    for (const dir of [this.#storeDir, this.#partialDir]) {
      for (const name of await this.#disk.list(dir)) {
        if (names.has(name)) continue
        bytes += (await this.#disk.size(join(dir, name))) ?? 0
        await onDisk(`clearing ${dir}`, this.#disk.remove(join(dir, name)))
      }
    }
    return bytes
  }

  /** How much may be written now; throws where that is nothing. */
  async #mustHaveRoom(doing: string): Promise<number> {
    const free = await onDisk(doing, this.#disk.free(this.#partialDir))
    if (free > this.#limits.reserveBytes) return free - this.#limits.reserveBytes
    throw diskFull(`${doing}: ${free} bytes are free, ${this.#limits.reserveBytes} stay reserved`)
  }
}

/** One file on its way, in as many transfers as it takes. */
class Download {
  readonly #source: ReleaseSource
  readonly #wanted: Wanted
  readonly #file: GrowingFile
  readonly #limits: ReleaseLimits
  readonly #onProgress: (progress: DownloadProgress) => void
  #have: number
  #synced: number

  constructor(
    source: ReleaseSource,
    wanted: Wanted,
    file: GrowingFile,
    limits: ReleaseLimits,
    onProgress: (progress: DownloadProgress) => void,
  ) {
    this.#source = source
    this.#wanted = wanted
    this.#file = file
    this.#limits = limits
    this.#onProgress = onProgress
    this.#have = file.length
    this.#synced = file.length
  }

  async run(room: () => Promise<number>, signal: AbortSignal | undefined): Promise<void> {
    const { length, path } = this.#wanted
    if (this.#have > length) await this.#startAt(0)
    this.#tell()
    let barren = 0
    while (this.#have < length) {
      const before = this.#have
      let failure: unknown
      try {
        await this.#once(room, signal)
      } catch (error) {
        failure = error
        if (!isPassing(error)) {
          // What came so far is worth keeping, whatever ended it; a full disk cannot even sync.
          await this.#file.sync().catch(() => {})
          throw error
        }
      }
      if (this.#have >= length) return
      barren = this.#have > before ? 0 : barren + 1
      if (barren >= this.#limits.maxBarrenTries) {
        await onDisk(`download of ${path}`, this.#file.sync())
        throw failure ?? ended(this.#source, path, this.#have, length)
      }
      await pause(this.#limits.retryMs, signal)
    }
  }

  async #once(room: () => Promise<number>, signal: AbortSignal | undefined): Promise<void> {
    const { path, length } = this.#wanted
    const doing = `download of ${path}`
    let left = 0
    await transfer(
      this.#source,
      path,
      { from: this.#have, limits: this.#limits, signal },
      {
        begin: async (from) => {
          // A source that starts elsewhere than it was asked to: from its start, or not at all.
          if (from !== this.#have) await this.#startAt(from === 0 ? 0 : this.#have)
          left = await room()
          return from === this.#have
        },
        bytes: async (chunk) => {
          if (this.#have + chunk.length > length) throw tooLong(this.#source, path, length)
          if (left < chunk.length && (left = await room()) < chunk.length) throw diskFull(doing)
          await onDisk(doing, this.#file.append(chunk))
          left -= chunk.length
          this.#have += chunk.length
          if (this.#have - this.#synced >= SYNC_EVERY_BYTES) {
            await onDisk(doing, this.#file.sync())
            this.#synced = this.#have
          }
          this.#tell()
        },
      },
    )
  }

  async #startAt(length: number): Promise<void> {
    if (length !== this.#have)
      await onDisk(`download of ${this.#wanted.path}`, this.#file.cut(length))
    this.#have = length
    this.#synced = length
  }

  #tell(): void {
    this.#onProgress({ bytes: this.#have, length: this.#wanted.length })
  }
}

/** The first of the algorithms that everybody knows; a file has one name, whatever else is listed. */
export function nameOf(hashes: Readonly<Record<string, string>>): string {
  const algorithm = ['sha256', 'sha512'].find((name) => hashes[name])
  const hash = algorithm ? hashes[algorithm] : ''
  if (/^[0-9a-f]{64,128}$/.test(hash)) return hash
  throw new ReleaseError('RELEASE_METADATA', 'a target without a sha256 or sha512', {
    hint: 'Other hashes are not known here.',
  })
}

async function isRight(path: string, hashes: Readonly<Record<string, string>>): Promise<boolean> {
  const digests = Object.entries(hashes).map(([algorithm, hash]) => ({
    hash,
    digest: createHash(algorithm),
  }))
  for await (const chunk of createReadStream(path)) {
    for (const { digest } of digests) digest.update(chunk)
  }
  return digests.every(({ digest, hash }) => digest.digest('hex') === hash)
}

/** What may be otherwise in a moment: the link, a server that is tired. */
function isPassing(error: unknown): boolean {
  return error instanceof ReleaseError && ['RELEASE_SOURCE', 'RELEASE_STALLED'].includes(error.code)
}

function ended(source: ReleaseSource, path: string, have: number, length: number): ReleaseError {
  return new ReleaseError(
    'RELEASE_SOURCE',
    `${source.name} ends ${path} after ${have} of ${length} bytes, again and again`,
    { hint: 'Its copy is cut off: publish it there again. What came is kept.' },
  )
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) throw stopped(signal)
  await new Promise<void>((resolve, reject) => {
    const over = () => {
      clearTimeout(timer)
      reject(stopped(signal))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', over)
      resolve()
    }, ms)
    signal?.addEventListener('abort', over, { once: true })
  })
}
