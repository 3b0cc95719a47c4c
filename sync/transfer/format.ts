import { closeSync, createReadStream, openSync, type ReadStream, readSync } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { SyncError } from '../errors.ts'
import { type ClockState, LANES, type Lane, type Origin, type StoredRecord } from '../record.ts'

/**
 * A file of records that travels by hand: JSON lines, gzipped or not. The first names the origin, the
 * last gives the number of records and the SHA-256 of all bytes before it, so that a file that was cut
 * (a stick pulled too early) is known before anything of it is taken in.
 */
export const EXPORT_FORMAT = 1

/** A longer line is no record: the largest payload, in base64, with room to spare. */
const MAX_LINE_BYTES = 4 * 1024 ** 2

export interface ExportHead extends Origin {
  readonly milepostExport: typeof EXPORT_FORMAT
  readonly exportedTimeUs: number
}

export interface ExportEnd {
  readonly records: number
  readonly sha256: string
}

interface Line extends Omit<StoredRecord, 'payload'> {
  /** Text where the bytes are valid UTF-8, else base64. */
  readonly payload?: string
  readonly payload64?: string
}

export function lineOf({ payload, ...rest }: StoredRecord): string {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  const text = bytes.toString()
  const same = Buffer.from(text).equals(bytes)
  const line: Line = {
    ...rest,
    ...(same ? { payload: text } : { payload64: bytes.toString('base64') }),
  }
  return `${JSON.stringify(line)}\n`
}

/** Throws `EXPORT_INVALID` where a line is no record. */
export function recordOf(text: string, number: number): StoredRecord {
  const bad = (why: string) => invalid(`line ${number}: ${why}`)
  let line: Line
  try {
    line = JSON.parse(text) as Line
  } catch {
    throw bad('not JSON')
  }
  const { payload, payload64, ...record } = line
  if (!LANES.includes(record.lane as Lane)) throw bad('no such lane')
  if (!Number.isSafeInteger(record.seq) || !(record.prev >= 0 && record.prev < record.seq)) {
    throw bad('its seq does not follow its prev')
  }
  const clocks: readonly ClockState[] = ['synced', 'repaired', 'unsynced']
  const words = [record.type, record.contentType, record.bootId]
  if (!words.every((word) => typeof word === 'string' && word)) throw bad('type or boot missing')
  if (!Number.isFinite(record.timeUs) || !Number.isFinite(record.monoUs)) throw bad('no time')
  if (!clocks.includes(record.clock)) throw bad('no such clock state')
  if (typeof (payload ?? payload64) !== 'string') throw bad('no payload')
  return { ...record, payload: Buffer.from((payload ?? payload64)!, payload64 ? 'base64' : 'utf8') }
}

export function headOf(text: string | undefined): ExportHead {
  try {
    const head = JSON.parse(text ?? '') as ExportHead
    if (head.milepostExport === EXPORT_FORMAT && head.vehicle && head.epoch) return head
  } catch {
    // Told below.
  }
  throw invalid('it does not begin as an export does')
}

export function endOf(text: string): ExportEnd | undefined {
  if (!text.startsWith('{"end":')) return undefined
  return (JSON.parse(text) as { end: ExportEnd }).end
}

export function invalid(message: string, cause?: unknown): SyncError {
  return new SyncError('EXPORT_INVALID', `No whole export file: ${message}.`, {
    cause,
    hint: 'Export again, and let the stick finish writing before it is pulled.',
  })
}

/** The lines of a file, without their ends; memory stays at one line. */
export async function* linesOf(file: string): AsyncGenerator<string> {
  let source: ReadStream | undefined
  let rest: Buffer = Buffer.alloc(0)
  try {
    const gzip = isGzip(file)
    source = createReadStream(file)
    for await (const chunk of gzip ? unzipped(source) : source) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      let start = 0
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, start)) {
        yield rest.toString('utf8', start, end)
        start = end + 1
      }
      rest = rest.subarray(start)
      if (rest.length > MAX_LINE_BYTES) throw invalid(`a line beyond ${MAX_LINE_BYTES} bytes`)
    }
  } catch (error) {
    throw error instanceof SyncError ? error : invalid((error as Error).message, error)
  } finally {
    source?.destroy()
  }
  if (rest.length > 0) throw invalid('it ends in the middle of a line')
}

function unzipped(source: ReadStream): AsyncIterable<Buffer> {
  const unzip = createGunzip()
  source.on('error', (error) => unzip.destroy(error))
  return source.pipe(unzip)
}

/** By its first bytes (RFC 1952, section 2.3.1), whatever its name says. */
function isGzip(file: string): boolean {
  const start = Buffer.alloc(2)
  const fd = openSync(file, 'r')
  try {
    return readSync(fd, start) === 2 && start.readUInt16BE() === 0x1f8b
  } finally {
    closeSync(fd)
  }
}
