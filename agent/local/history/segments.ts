import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findBlocks } from './block.ts'

const NAME = /^(\d{8})\.mpr$/
/** A tier lies in about this many files: so much of it goes when the oldest goes. */
const PARTS = 8
/** However short: an agent that starts again and again must not fill a folder. */
const MAX_FILES = 256

export interface SegmentLimits {
  /** How much time a tier covers, and the bytes it may take; whichever is less. */
  readonly spanUs: number
  readonly maxBytes: number
}

interface Segment {
  readonly path: string
  bytes: number
  /** Time that it covers; undefined until somebody looked into it. */
  coversUs: number | undefined
}

/**
 * The files of one tier: blocks are appended to the newest, whole files are deleted from the old end.
 * Age is counted in time covered, not in wall time: a clock that jumps years deletes nothing.
 */
export class Segments {
  readonly #dir: string
  readonly #limits: SegmentLimits
  readonly #old: Segment[]
  #current: Segment | undefined
  #number: number

  constructor(dir: string, limits: SegmentLimits) {
    mkdirSync(dir, { recursive: true, mode: 0o750 })
    this.#dir = dir
    this.#limits = limits
    const paths = segmentFiles(dir)
    this.#old = paths.map((path) => ({ path, bytes: statSync(path).size, coversUs: undefined }))
    this.#number = paths.length === 0 ? 0 : numberOf(paths[paths.length - 1])
  }

  get bytes(): number {
    return this.#old.reduce((sum, { bytes }) => sum + bytes, this.#current?.bytes ?? 0)
  }

  /** Appends one block and makes room at the old end; rejects as the disk does. */
  async append(block: Uint8Array, coversUs: number): Promise<void> {
    const { spanUs, maxBytes } = this.#limits
    const { bytes = 0, coversUs: covered = 0 } = this.#current ?? {}
    const full = bytes + block.length > maxBytes / PARTS || covered >= spanUs / PARTS
    if (this.#current && full) {
      this.#old.push(this.#current)
      this.#current = undefined
    }
    if (!this.#current) {
      // Never appended to after a start: whatever tail a power cut tore stays where it is.
      const name = `${String(++this.#number).padStart(8, '0')}.mpr`
      this.#current = { path: join(this.#dir, name), bytes: 0, coversUs: 0 }
      await this.#prune(block.length)
    }
    await appendFile(this.#current.path, block, { mode: 0o640 })
    this.#current.bytes += block.length
    this.#current.coversUs = (this.#current.coversUs ?? 0) + coversUs
  }

  async #prune(coming: number): Promise<void> {
    const { spanUs, maxBytes } = this.#limits
    let [bytes, covered, files] = [coming + maxBytes / PARTS, 0, 1]
    let keep = this.#old.length
    while (keep > 0) {
      const segment = this.#old[keep - 1]
      segment.coversUs ??= await coveredBy(segment.path)
      bytes += segment.bytes
      if (bytes > maxBytes || covered >= spanUs || ++files > MAX_FILES) break
      covered += segment.coversUs
      keep--
    }
    for (const { path } of this.#old.splice(0, keep)) rmSync(path, { force: true })
  }
}

/** The files of a tier, the oldest first; none where there is no such folder. */
export function segmentFiles(dir: string): string[] {
  try {
    return readdirSync(dir)
      .filter((name) => NAME.test(name))
      .sort()
      .map((name) => join(dir, name))
  } catch {
    return []
  }
}

function numberOf(path: string): number {
  return Number(path.slice(-12, -4))
}

async function coveredBy(path: string): Promise<number> {
  const { heads } = findBlocks(await readFile(path))
  return heads.reduce((sum, { fromUs, toUs }) => sum + (toUs - fromUs), 0)
}
