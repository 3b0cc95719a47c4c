import { createWriteStream, fstatSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { SensorError } from '../../sensors/errors.ts'
import { AgentError } from '../error.ts'
import { quietPipe } from './output.ts'

/**
 * Writes text to a file, packed where its name ends in `.gz`, or to standard output for `-`. The next
 * piece is only made when the last one is taken. Throws `USAGE` where the file cannot be written.
 */
export async function writeText(
  pieces: Iterable<string> | AsyncIterable<string>,
  out: string,
): Promise<void> {
  const source = Readable.from(pieces, { objectMode: false })
  if (out === '-') {
    quietPipe()
    await pipeline(source, process.stdout, { end: false })
    return
  }
  const target = createWriteStream(out)
  try {
    if (out.endsWith('.gz')) await pipeline(source, createGzip({ level: 9 }), target)
    else await pipeline(source, target)
  } catch (cause) {
    if (cause instanceof SensorError) throw cause
    throw new AgentError('USAGE', `Cannot write ${out}: ${(cause as Error).message}`, {
      cause,
      hint: 'Name a file in a folder that exists and can be written to, with --out.',
    })
  }
}

/** Whether nobody sees by the output itself how far it is: it goes neither to a terminal nor down a pipe. */
export function goesToFile(out = '-'): boolean {
  return out !== '-' || fstatSync(process.stdout.fd).isFile()
}
