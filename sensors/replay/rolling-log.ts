import { createReadStream, createWriteStream } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

export interface RollingLogOptions {
  readonly dir: string
  /** What the files' names begin with: letters, digits, dots, dashes. */
  readonly prefix: string
  /** A file that would grow beyond this is closed, and the next begun. */
  readonly maxFileBytes: number
  /** All files together; the oldest go where they would be more. */
  readonly maxTotalBytes: number
  /** Closed files are packed. The one being written is plain, so that a kill costs nothing of it. */
  readonly gzip: boolean
  /** Longest time between two fsyncs of what was written; 0: after each write; Infinity: never. */
  readonly syncEveryMs: number
}

interface LogFile {
  readonly name: string
  readonly number: number
  bytes: number
}

const LF = 10
/** Bytes at the end of a file in which the end of its last whole line is looked for. */
const TAIL_BYTES = 4096

/**
 * Text files that follow each other, `drive-000001-20260131T120000Z.log` and so on. The number goes on
 * from those that are there, so that they stay in order whatever the clock says. What a killed writer
 * left behind, half a line or a half-packed file, is put right when the log is opened again.
 */
export class RollingLog {
  writtenBytes = 0
  filesBegun = 0
  /** What had to go for the total. */
  deletedFiles = 0
  deletedBytes = 0
  /** Bytes of half lines that were cut off when the log was opened. */
  tornBytes = 0

  readonly #options: RollingLogOptions
  readonly #nowMs: () => number
  readonly #pattern: RegExp
  #files: LogFile[] = []
  #handle: FileHandle | undefined
  #syncedMs = 0
  /** Number of the newest file there ever was. */
  #last = 0
  #packing: Promise<void> = Promise.resolve()

  private constructor(options: RollingLogOptions, nowMs: () => number) {
    this.#options = options
    this.#nowMs = nowMs
    const prefix = options.prefix.replace(/[.]/g, '\\.')
    this.#pattern = new RegExp(`^${prefix}-(\\d{6,})-\\d{8}T\\d{6}Z\\.log(\\.gz)?(\\.part)?$`)
  }

  /** Makes the folder, and puts right what is in it. Nothing is written yet. */
  static async open(
    options: RollingLogOptions,
    nowMs: () => number = Date.now,
  ): Promise<RollingLog> {
    const log = new RollingLog(options, nowMs)
    await mkdir(options.dir, { recursive: true })
    for (const name of (await readdir(options.dir)).sort()) await log.#find(name)
    log.#files.sort((a, b) => a.number - b.number)
    for (const file of log.#files) if (options.gzip) log.#pack(file)
    return log
  }

  /** Bytes of all files. */
  get totalBytes(): number {
    return this.#files.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Appends whole lines. Where that fails, nothing of a file is half a line; throws as `fs` does. */
  async write(lines: Buffer): Promise<void> {
    const { maxFileBytes } = this.#options
    for (let from = 0; from < lines.length; ) {
      const cut = lines.length - from > maxFileBytes
      const whole = cut ? lines.lastIndexOf(LF, from + maxFileBytes - 1) + 1 : lines.length
      const to = whole > from ? whole : lines.length
      await this.#append(lines.subarray(from, to))
      from = to
    }
  }

  async #append(lines: Buffer): Promise<void> {
    const current = this.#files.at(-1)
    if (this.#handle && current && current.bytes + lines.length > this.#options.maxFileBytes) {
      await this.#finish()
    }
    if (!this.#handle) await this.#begin()
    const file = this.#files.at(-1)!
    try {
      await writeAll(this.#handle!, lines)
    } catch (error) {
      // Where the disk refuses this too, a torn line stays; the next run cuts it off and counts it.
      await this.#handle!.truncate(file.bytes).catch(() => {})
      await this.#finish().catch(() => {})
      if (file.bytes === 0) await this.#forget(file)
      throw error
    }
    file.bytes += lines.length
    this.writtenBytes += lines.length
    const nowMs = this.#nowMs()
    if (nowMs - this.#syncedMs < this.#options.syncEveryMs) return
    this.#syncedMs = nowMs
    await this.#handle!.datasync()
  }

  /** Closes the last file, packed where that is wanted. */
  async close(): Promise<void> {
    await this.#finish()
    await this.#packing
  }

  async #begin(): Promise<void> {
    const { dir, prefix, maxFileBytes, maxTotalBytes, gzip } = this.#options
    // Room for the file to come, and for the packed one beside the one that it is made from.
    const room = maxFileBytes * (gzip ? 2 : 1)
    while (this.#files.length > 0 && this.totalBytes + room > maxTotalBytes) {
      const oldest = this.#files.shift()!
      await this.#packing
      await rm(join(dir, oldest.name), { force: true })
      this.deletedFiles++
      this.deletedBytes += oldest.bytes
    }
    this.#last = Math.max(this.#last, this.#files.at(-1)?.number ?? 0) + 1
    const time = new Date(this.#nowMs()).toISOString().replace(/[-:]|\.\d+/g, '')
    const name = `${prefix}-${String(this.#last).padStart(6, '0')}-${time}.log`
    this.#handle = await open(join(dir, name), 'ax')
    this.#files.push({ name, number: this.#last, bytes: 0 })
    this.filesBegun++
    this.#syncedMs = this.#nowMs()
    if (this.#options.syncEveryMs !== Number.POSITIVE_INFINITY) await syncFolder(dir)
  }

  async #finish(): Promise<void> {
    const handle = this.#handle
    if (!handle) return
    this.#handle = undefined
    try {
      if (this.#options.syncEveryMs !== Number.POSITIVE_INFINITY) await handle.datasync()
    } finally {
      await handle.close()
    }
    const file = this.#files.at(-1)!
    if (this.#options.gzip && file.bytes > 0) this.#pack(file)
  }

  /** A disk that is full for hours must not leave an empty file for each try. */
  async #forget(file: LogFile): Promise<void> {
    this.#files = this.#files.filter((other) => other !== file)
    await rm(join(this.#options.dir, file.name), { force: true }).catch(() => {})
  }

  /** Packs a closed file, one after the other, beside what is being written. */
  #pack(file: LogFile): void {
    if (!file.name.endsWith('.log')) return
    const { dir } = this.#options
    this.#packing = this.#packing.then(async () => {
      if (!this.#files.includes(file)) return
      const [plain, packed] = [join(dir, file.name), join(dir, `${file.name}.gz`)]
      try {
        await pipeline(createReadStream(plain), createGzip(), createWriteStream(`${packed}.part`))
        await syncFile(`${packed}.part`)
        await rename(`${packed}.part`, packed)
        await syncFolder(dir)
        const { size } = await stat(packed)
        await rm(plain)
        Object.assign(file, { name: `${file.name}.gz`, bytes: size })
      } catch {
        // It stays plain, which is as good; the next opening tries again.
        await rm(`${packed}.part`, { force: true }).catch(() => {})
      }
    })
  }

  /** Takes a file of an earlier run into account. */
  async #find(name: string): Promise<void> {
    const match = this.#pattern.exec(name)
    if (!match) return
    const [, number, gz, part] = match
    const path = join(this.#options.dir, name)
    if (part) return rm(path)
    const twin = gz && this.#files.find((file) => `${file.name}.gz` === name)
    if (twin) {
      // Packed whole, for it was renamed last, and killed before the plain one went.
      await rm(join(this.#options.dir, twin.name))
      this.#files = this.#files.filter((file) => file !== twin)
    }
    this.#last = Math.max(this.#last, Number(number))
    this.#files.push({
      name,
      number: Number(number),
      bytes: gz ? (await stat(path)).size : await this.#mend(path),
    })
  }

  /** Cuts off half a line at the end; returns what is left. */
  async #mend(path: string): Promise<number> {
    const handle = await open(path, 'r')
    try {
      const { size } = await handle.stat()
      const from = Math.max(0, size - TAIL_BYTES)
      const { buffer, bytesRead } = await handle.read(
        Buffer.alloc(size - from),
        0,
        size - from,
        from,
      )
      const whole = from + buffer.subarray(0, bytesRead).lastIndexOf(LF) + 1
      if (size > 0 && whole < size) {
        await truncate(path, whole)
        this.tornBytes += size - whole
      }
      return Math.min(whole, size)
    } finally {
      await handle.close()
    }
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at)
    at += bytesWritten
  }
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes the names in a folder survive a power cut. */
async function syncFolder(dir: string): Promise<void> {
  await syncFile(dir)
}
