import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { type Disk, diskFull, onDisk } from './disk.ts'
import { Download, type Wanted } from './download.ts'
import { ReleaseError } from './errors.ts'
import type { DownloadProgress, ReleaseLimits } from './release.ts'
import type { ReleaseSource } from './source.ts'

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
