import type { Fetcher } from 'tuf-js'
import { DownloadHTTPError } from 'tuf-js/dist/error.js'
import { ReleaseError } from './errors.ts'
import { MAX_METADATA_BYTES } from './limits.ts'
import type { ReleaseLimits } from './release.ts'
import type { ReleaseSource } from './source.ts'
import { readWhole } from './transfer.ts'

/** Stands before the names of files in the URLs that tuf-js makes; goes nowhere. */
export const METADATA_URL = 'https://metadata.invalid/'

/** Brings tuf-js metadata from one of our sources, bounded in length and by progress. */
export class MetadataFetcher implements Fetcher {
  /** What went wrong with the last file: tuf-js keeps only the text of some errors. */
  failure: unknown
  readonly #source: ReleaseSource
  readonly #folder: string
  readonly #limits: ReleaseLimits
  readonly #signal: AbortSignal | undefined

  /** @param folder of metadata in the source, as `metadata/` */
  constructor(
    source: ReleaseSource,
    folder: string,
    options: { limits: ReleaseLimits; signal?: AbortSignal },
  ) {
    this.#source = source
    this.#folder = folder
    this.#limits = options.limits
    this.#signal = options.signal
  }

  async downloadBytes(url: string, maxLength: number): Promise<Buffer> {
    this.failure = undefined
    // A signed length may be any number: what the key of one role says must not fill the memory.
    const maxBytes = Math.min(maxLength, MAX_METADATA_BYTES)
    const path = this.#folder + url.slice(METADATA_URL.length)
    const options = { maxBytes, limits: this.#limits, signal: this.#signal }
    try {
      return await readWhole(this.#source, path, options)
    } catch (error) {
      this.failure = error
      if (error instanceof ReleaseError && error.code === 'RELEASE_MISSING') {
        // Of the next root this is the usual answer.
        throw new DownloadHTTPError(error.message, 404)
      }
      throw error
    }
  }

  downloadFile(): never {
    throw new Error('targets are not downloaded by tuf-js')
  }
}
