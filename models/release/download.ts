import { setTimeout as sleep } from 'node:timers/promises'
import { diskFull, type GrowingFile, onDisk } from './disk.ts'
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

/** One file on its way, in as many transfers as it takes. */
export class Download {
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
  await sleep(ms, undefined, { signal }).catch(() => {
    throw stopped(signal)
  })
}
