import { ReleaseError } from './errors.ts'
import type { ReleaseLimits } from './release.ts'
import type { ReleaseSource } from './source.ts'

/** Receives one transfer: first where it begins, then its bytes in order. */
export interface Receiver {
  /** False gives the transfer up without an error. */
  begin(from: number): Promise<boolean> | boolean
  bytes(chunk: Uint8Array): Promise<void> | void
}

/**
 * Moves a file of a source into a receiver, to the end of what the source sends. It is given up when it
 * makes too little way in `stallMs` of waiting, however long it takes in all; a receiver that is slow
 * (a disk) is not held against the source.
 * @throws ReleaseError `RELEASE_STALLED`, `RELEASE_STOPPED`, what the source throws, and whatever the
 *   receiver throws
 */
export async function transfer(
  source: ReleaseSource,
  path: string,
  options: { from: number; limits: ReleaseLimits; signal?: AbortSignal },
  receiver: Receiver,
): Promise<void> {
  const { limits, signal } = options
  const ended = new AbortController()
  const way = new Way(limits, `${path} from ${source.name}`)
  const stop = () => ended.abort(stopped(signal))
  if (signal?.aborted) throw stopped(signal)
  signal?.addEventListener('abort', stop, { once: true })
  let iterator: AsyncIterator<Uint8Array> | undefined
  try {
    const { from, bytes } = await way.wait(
      source.open(path, { from: options.from, signal: ended.signal }),
      ended,
    )
    if (!(await receiver.begin(from))) return
    iterator = bytes[Symbol.asyncIterator]()
    for (;;) {
      const { done, value } = await way.wait(iterator.next(), ended)
      if (done) return
      way.made(value.length)
      await receiver.bytes(value)
    }
  } catch (error) {
    // Whoever ended it knows better why than the socket does.
    throw ended.signal.aborted ? ended.signal.reason : error
  } finally {
    signal?.removeEventListener('abort', stop)
    // Closes the connection of a transfer that was left in the middle; nobody waits for its answer,
    // which may never come.
    ended.abort(stopped(undefined))
    iterator?.return?.()?.catch(() => {})
  }
}

/** Reads a whole small file. @throws ReleaseError `RELEASE_TOO_LONG`, else as `transfer` */
export async function readWhole(
  source: ReleaseSource,
  path: string,
  options: { maxBytes: number; limits: ReleaseLimits; signal?: AbortSignal },
): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  await transfer(
    source,
    path,
    { ...options, from: 0 },
    {
      begin(from) {
        if (from === 0) return true
        throw new ReleaseError(
          'RELEASE_SOURCE',
          `${source.name} did not begin ${path} at its start`,
        )
      },
      bytes(chunk) {
        length += chunk.length
        if (length > options.maxBytes) throw tooLong(source, path, options.maxBytes)
        chunks.push(chunk)
      },
    },
  )
  return Buffer.concat(chunks)
}

export function tooLong(source: ReleaseSource, path: string, maxBytes: number): ReleaseError {
  return new ReleaseError(
    'RELEASE_TOO_LONG',
    `${source.name} sends more than ${maxBytes} bytes for ${path}`,
    { hint: 'The source is broken or hostile; nothing of it was kept. What runs goes on.' },
  )
}

export function stopped(signal: AbortSignal | undefined): ReleaseError {
  return new ReleaseError('RELEASE_STOPPED', 'stopped before it was done', {
    cause: signal?.reason,
    hint: 'Nothing is lost: the next call takes it up where it stopped.',
  })
}

/** Counts the way that a transfer makes, in windows of `stallMs` of waiting for it. */
class Way {
  readonly #limits: ReleaseLimits
  readonly #what: string
  #leftMs: number
  #bytes = 0

  constructor(limits: ReleaseLimits, what: string) {
    this.#limits = limits
    this.#what = what
    this.#leftMs = limits.stallMs
  }

  made(bytes: number): void {
    this.#bytes += bytes
  }

  async wait<T>(step: Promise<T>, ended: AbortController): Promise<T> {
    // It may be rejected after the race was lost.
    step.catch(() => {})
    const { signal } = ended
    let over = () => {}
    const end = new Promise<never>((_, reject) => {
      over = () => reject(signal.reason)
      signal.addEventListener('abort', over, { once: true })
    })
    if (signal.aborted) over()
    end.catch(() => {})
    let sinceMs = performance.now()
    let timer: NodeJS.Timeout | undefined
    const arm = () => {
      timer = setTimeout(
        () => {
          if (!this.#stoodStill(sinceMs)) this.#judge(ended)
          sinceMs = performance.now()
          if (!signal.aborted) arm()
        },
        Math.max(1, this.#leftMs),
      )
    }
    arm()
    try {
      return await Promise.race([step, end])
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', over)
      if (!this.#stoodStill(sinceMs)) this.#leftMs -= performance.now() - sinceMs
    }
  }

  /** A timer that is much too late: this process waited for its turn, and not for the source. */
  #stoodStill(sinceMs: number): boolean {
    return performance.now() - sinceMs > Math.max(0, this.#leftMs) + this.#limits.stallMs / 2
  }

  #judge(ended: AbortController): void {
    const { minBytesPerStall, stallMs } = this.#limits
    if (this.#bytes < minBytesPerStall) {
      ended.abort(
        new ReleaseError(
          'RELEASE_STALLED',
          `${this.#what}: ${this.#bytes} bytes in ${stallMs / 1000} s`,
          { hint: 'The link or the server is too slow now; it is taken up where it stopped.' },
        ),
      )
    }
    this.#leftMs = stallMs
    this.#bytes = 0
  }
}
