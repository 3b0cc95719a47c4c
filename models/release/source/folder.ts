import { constants, createReadStream } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { staysInside } from '../../bundle/paths.ts'
import { ReleaseError } from '../errors.ts'
import type { OpenOptions, ReleaseSource, SourceBytes } from '../source.ts'

/** A repository in a folder: a USB stick, a share of the depot. */
export class FolderSource implements ReleaseSource {
  readonly name: string

  constructor(folder: string) {
    this.name = resolve(folder)
  }

  async open(path: string, options: OpenOptions): Promise<SourceBytes> {
    const from = options.from ?? 0
    const file = await this.#find(path)
    // A stick may hold a named pipe, on which a plain open waits for ever.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((error) => {
      throw unreadable(file, error)
    })
    const about = await handle.stat()
    if (!about.isFile()) {
      await handle.close()
      throw missing(file)
    }
    const start = from <= about.size ? from : 0
    const stream = createReadStream(file, { fd: handle, start, signal: options.signal })
    // Stopped before its first byte is asked for, a stream has nobody who hears its error, and an error
    // that nobody hears ends the process. Who reads later is told by the iteration.
    stream.on('error', () => {})
    return { from: start, bytes: reading(stream, file) }
  }

  /** A stick is anybody's: no path or link of it leads out of its folder. */
  async #find(path: string): Promise<string> {
    const file = join(this.name, path)
    if (!staysInside(path)) throw missing(file)
    try {
      const [home, real] = await Promise.all([realpath(this.name), realpath(file)])
      if (real.startsWith(home.endsWith(sep) ? home : home + sep)) return real
    } catch (error) {
      throw unreadable(file, error)
    }
    throw missing(file)
  }

  async close(): Promise<void> {}
}

async function* reading(stream: AsyncIterable<Buffer>, file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* stream
  } catch (error) {
    throw unreadable(file, error)
  }
}

function missing(file: string): ReleaseError {
  return new ReleaseError('RELEASE_MISSING', `${file} is not there`, {
    hint: 'Is this the folder that `milepost release mirror` wrote, and did it come to its end?',
  })
}

function unreadable(file: string, error: NodeJS.ErrnoException | unknown): unknown {
  const { code, message, name } = error as NodeJS.ErrnoException
  if (name === 'AbortError') return error
  if (code === 'ENOENT' || code === 'ENOTDIR') return missing(file)
  return new ReleaseError('RELEASE_SOURCE', `${file}: ${message}`, {
    cause: error,
    hint: 'The stick or disk cannot be read; try another one.',
  })
}
