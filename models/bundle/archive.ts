import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { posix } from 'node:path'
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { ReadEntry } from 'tar'
import { ModelError } from '../errors.ts'
import {
  type Bundle,
  type BundleReader,
  bundleFrom,
  HASH_FILE,
  loadBundle,
  MANIFEST_FILE,
  MAX_BUNDLE_BYTES,
  MAX_FILE_BYTES,
  MAX_MANIFEST_BYTES,
} from './load.ts'
import { staysInside } from './paths.ts'
import { placeBundle } from './place.ts'

/** Entries of an archive, folders included; a manifest lists at most 64 files. */
export const MAX_ARCHIVE_ENTRIES = 256
/** Of an archive, uncompressed: what a bundle may hold, and headers with room to spare. */
export const MAX_ARCHIVE_BYTES = MAX_BUNDLE_BYTES + MAX_MANIFEST_BYTES + 1024 * MAX_ARCHIVE_ENTRIES
/** Of one extended header (long names and the like). */
const MAX_META_BYTES = 16 << 10

const FILE_TYPES = new Set<string>(['File', 'OldFile', 'ContiguousFile'])
const HINT = 'Fetch or copy the bundle anew; the one in use stays in use.'
const HOSTILE = 'Do not use this bundle: no milepost packs archives like this.'

/**
 * Packs a bundle folder, verified first, into one tar file (POSIX pax, as `tar` 7 writes it). The same
 * bundle gives the same bytes: files in order of their names, no times, no owners.
 * @param gzip compressed; its bytes are the same for one version of zlib
 * @throws ModelError as `loadBundle`
 */
export async function packBundle(
  folder: string,
  { gzip = false }: { gzip?: boolean } = {},
): Promise<Buffer> {
  const { manifest } = loadBundle(folder)
  const files = [MANIFEST_FILE, HASH_FILE, ...manifest.files.map(({ path }) => path)]
  const { create } = await import('tar')
  const pack = create(
    {
      cwd: folder,
      gzip,
      portable: true,
      mtime: new Date(0),
      noDirRecurse: true,
      onWriteEntry: (entry) => {
        if (entry.stat) entry.stat.mode = 0o100644
      },
    },
    [...new Set(files)].sort(),
  )
  return Buffer.from(await pack.concat())
}

/**
 * Reads a packed bundle, `.tar` or `.tgz`, and verifies it, without writing anything.
 * @param source path of the archive, or its bytes
 * @throws ModelError as `loadBundle`, and `BUNDLE_ARCHIVE` where it is no whole tar file or holds
 *   anything but files and folders
 */
export async function readBundle(
  source: string | Uint8Array,
  wantedHash?: string,
): Promise<Bundle> {
  const files = await readArchive(source)
  return bundleFrom(typeof source === 'string' ? source : '(archive)', readerOf(files), wantedHash)
}

/** The bundle at `path`, a folder or an archive. @throws ModelError as `readBundle` */
export async function openBundle(path: string, wantedHash?: string): Promise<Bundle> {
  const isFile = await stat(path).then(
    (status) => status.isFile(),
    () => false,
  )
  return isFile ? readBundle(path, wantedHash) : loadBundle(path, wantedHash)
}

/**
 * Unpacks a bundle into `folder`, verified before anything is written. The folder appears whole, its
 * bytes on disk; a bundle that is there already is replaced.
 * @throws ModelError as `readBundle`, and `BUNDLE_PATH` where `folder` holds something else
 */
export async function unpackBundle(
  source: string | Uint8Array,
  folder: string,
  wantedHash?: string,
): Promise<Bundle> {
  const files = await readArchive(source)
  const { manifest } = bundleFrom(folder, readerOf(files), wantedHash)
  // Only what was verified: other files of the archive stay where they are.
  const wanted = [MANIFEST_FILE, HASH_FILE, ...manifest.files.map(({ path }) => path)]
  return placeBundle(folder, new Map(wanted.map((path) => [path, files.get(path)!])))
}

function readerOf(files: ReadonlyMap<string, Buffer>): BundleReader {
  return (path, maxBytes) => {
    const content = files.get(path)
    if (!content) {
      throw new ModelError('BUNDLE_MISSING', `the archive has no ${path}`, { hint: HINT })
    }
    if (content.length > maxBytes) {
      throw new ModelError(
        'BUNDLE_LIMIT',
        `${path} is ${content.length} bytes, at most ${maxBytes} are read`,
        { hint: HINT },
      )
    }
    return content
  }
}

/** The files of an archive by path; bounded by `MAX_ARCHIVE_BYTES` however well it is compressed. */
async function readArchive(source: string | Uint8Array): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>()
  // Loaded where there is an archive: the bundle of a running agent is a folder.
  const { Parser } = await import('tar')
  const parser = new Parser({
    strict: true,
    // Unpacked before it comes here, where it can be counted.
    gzip: false,
    brotli: false,
    zstd: false,
    maxMetaEntrySize: MAX_META_BYTES,
  })
  let failure: Error | undefined
  let entries = 0
  const take = (entry: ReadEntry) => {
    failure ??= refusalOf(entry, ++entries, files)
    // Nobody looks at what was refused, but the parser waits until it is read.
    if (failure || !FILE_TYPES.has(entry.type)) return entry.resume()
    const path = posix.normalize(entry.path)
    const chunks: Buffer[] = []
    files.set(path, Buffer.alloc(0))
    entry.on('data', (chunk: Buffer) => chunks.push(Buffer.from(chunk)))
    entry.on('end', () => files.set(path, Buffer.concat(chunks)))
  }
  parser.on('entry', take)
  parser.on('ignoredEntry', take)
  parser.on('error', (error: Error) => {
    failure ??= error
  })
  let bytes = 0
  try {
    for await (const chunk of plain(source)) {
      bytes += chunk.length
      if (bytes > MAX_ARCHIVE_BYTES) {
        throw limit(`it holds more than ${MAX_ARCHIVE_BYTES} bytes`)
      }
      parser.write(chunk)
      if (failure) throw failure
    }
    parser.end()
    if (failure) throw failure
  } catch (cause) {
    if (cause instanceof ModelError) throw cause
    throw new ModelError('BUNDLE_ARCHIVE', `no whole tar file: ${(cause as Error).message}`, {
      cause,
      hint: HINT,
    })
  }
  return files
}

function refusalOf(
  { path, type, size }: ReadEntry,
  entries: number,
  files: ReadonlyMap<string, Buffer>,
): ModelError | undefined {
  if (entries > MAX_ARCHIVE_ENTRIES) return limit(`it has more than ${MAX_ARCHIVE_ENTRIES} entries`)
  const refuse = (code: 'BUNDLE_PATH' | 'BUNDLE_ARCHIVE', why: string) =>
    new ModelError(code, `the archive's ${path} ${why}`, { hint: HOSTILE })
  if (!staysInside(path)) return refuse('BUNDLE_PATH', 'leads out of the bundle')
  if (type === 'Directory') return undefined
  if (!FILE_TYPES.has(type)) return refuse('BUNDLE_ARCHIVE', `is a ${type}, no file`)
  if (size > MAX_FILE_BYTES) return limit(`${path} is ${size} bytes, at most ${MAX_FILE_BYTES}`)
  // `tar -C bundle -c .` writes ./manifest.json, which is the same file.
  if (files.has(posix.normalize(path))) return refuse('BUNDLE_ARCHIVE', 'is there twice')
  return undefined
}

function limit(why: string): ModelError {
  return new ModelError('BUNDLE_LIMIT', `the archive is too large: ${why}`, { hint: HINT })
}

/** The bytes of the tar file, uncompressed; never more of them at once than zlib's usual chunk. */
async function* plain(source: string | Uint8Array): AsyncGenerator<Buffer> {
  const raw = typeof source === 'string' ? createReadStream(source) : Readable.from(pieces(source))
  const iterator = raw[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  const first = (await iterator.next()).value as Buffer | undefined
  if (first === undefined) throw new Error('it is empty')
  const all = (async function* () {
    yield first
    for (;;) {
      const { value, done } = await iterator.next()
      if (done) return
      yield value
    }
  })()
  const packed = first[0] === 0x1f && first[1] === 0x8b
  if (!packed) return yield* all
  const from = Readable.from(all)
  const gunzip = createGunzip()
  from.on('error', (error) => gunzip.destroy(error))
  try {
    yield* from.pipe(gunzip) as AsyncIterable<Buffer>
  } finally {
    from.destroy()
    raw.destroy()
  }
}

const PIECE_BYTES = 64 << 10

function* pieces(bytes: Uint8Array): Generator<Buffer> {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at < whole.length; at += PIECE_BYTES) yield whole.subarray(at, at + PIECE_BYTES)
}
