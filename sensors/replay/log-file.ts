import { createReadStream, type ReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { SensorError } from '../errors.ts'

/** Bytes of a chunk at most: what is read ahead, and with it how long the event loop is held. */
const LOG_CHUNK_BYTES = 16 * 1024

/** A gzip member begins so (RFC 1952, 2.3.1). */
const GZIP_MAGIC = [0x1f, 0x8b]

/**
 * The bytes of a log, unpacked where it is gzip, told by its first bytes and not by its name. Chunks
 * come as they are asked for and are at most `LOG_CHUNK_BYTES` long. Closes the file when left.
 * Throws `LOG_UNREADABLE`. A gzip file that was cut off gives what there is, then calls `cutOff`.
 * @param taken is told, before each chunk, how many bytes of the file, packed as it is, were taken
 */
export async function* readLog(
  file: string,
  cutOff: () => void,
  taken: (bytes: number) => void = () => {},
): AsyncGenerator<Uint8Array> {
  let source: ReadStream | undefined
  try {
    const gzip = await isGzip(file)
    source = createReadStream(file, { highWaterMark: LOG_CHUNK_BYTES })
    const unzip = createGunzip({ chunkSize: LOG_CHUNK_BYTES })
    // The error of either side is thrown by the loop below, so the callback has nothing to do.
    const stream = gzip ? pipeline(source, unzip, () => {}) : source
    for await (const chunk of stream) {
      taken(source.bytesRead)
      yield chunk as Uint8Array
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'Z_BUF_ERROR') cutOff()
    else throw unreadable(file, cause as NodeJS.ErrnoException)
  } finally {
    if (source) await closed(source)
  }
}

function closed(source: ReadStream): Promise<void> {
  return new Promise((resolve) => {
    if (source.closed) resolve()
    else source.once('close', () => resolve()).destroy()
  })
}

async function isGzip(file: string): Promise<boolean> {
  const handle = await open(file, 'r')
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0)
    return bytesRead === 2 && buffer[0] === GZIP_MAGIC[0] && buffer[1] === GZIP_MAGIC[1]
  } finally {
    await handle.close()
  }
}

function unreadable(file: string, cause: NodeJS.ErrnoException): SensorError {
  const hints: Record<string, string> = {
    ENOENT:
      'Check the path. A relative one in a config begins at the folder of the config, on the command line at the current folder.',
    EACCES: `Let the agent's user read it: chmod o+r ${file}`,
    EISDIR: 'Name one log file, not a folder.',
  }
  const hint =
    hints[cause.code ?? ''] ?? `Try to read it whole: (zcat -f ${file} || cat ${file}) | wc -l`
  return new SensorError('LOG_UNREADABLE', `Cannot read ${file}: ${cause.message}`, { cause, hint })
}
