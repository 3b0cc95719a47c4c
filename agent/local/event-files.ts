import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  truncateSync,
} from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LocalEvent } from './event.ts'
import { EVENT_FILE_BYTES, EVENT_FILES } from './limits.ts'

const NAME = /^events-(\d{10})\.jsonl$/

/** Where the events of a data folder lie. */
export function eventsDir(dataDir: string): string {
  return join(dataDir, 'events')
}

/** Files of events, the oldest first. */
function filesIn(dir: string): string[] {
  try {
    return readdirSync(dir)
      .filter((name) => NAME.test(name))
      .sort()
  } catch {
    return []
  }
}

/**
 * Events in JSON lines, in a few files of bounded size: appended to the newest, the oldest deleted. A
 * line torn by a power cut is cut off at the next start.
 */
export class EventFiles {
  readonly #dir: string
  #file: string
  #bytes: number
  /** Id that the next event gets. */
  nextId: number

  constructor(dataDir: string) {
    this.#dir = eventsDir(dataDir)
    mkdirSync(this.#dir, { recursive: true, mode: 0o750 })
    const newest = filesIn(this.#dir).at(-1)
    const last = newest === undefined ? undefined : lastIdOf(join(this.#dir, newest))
    this.nextId = (last ?? (newest ? Number(NAME.exec(newest)![1]) - 1 : 0)) + 1
    this.#file = newest ?? nameOf(this.nextId)
    this.#bytes = newest ? mendTail(join(this.#dir, newest)) : 0
  }

  /** Appends whole lines; rejects as the disk does. */
  async append(lines: string, firstId: number): Promise<void> {
    if (this.#bytes >= EVENT_FILE_BYTES) {
      this.#file = nameOf(firstId)
      this.#bytes = 0
      const files = filesIn(this.#dir)
      for (const old of files.slice(0, Math.max(0, files.length + 1 - EVENT_FILES))) {
        rmSync(join(this.#dir, old), { force: true })
      }
    }
    await appendFile(join(this.#dir, this.#file), lines, { mode: 0o640 })
    this.#bytes += Buffer.byteLength(lines)
  }
}

/** Reads every event on the disk, the newest first, until `take` has enough and answers false. */
export function readEvents(dataDir: string, take: (event: LocalEvent) => boolean): void {
  const dir = eventsDir(dataDir)
  for (const name of filesIn(dir).reverse()) {
    const lines = readFileSync(join(dir, name), 'utf8').split('\n')
    for (let i = lines.length - 1; i >= 0; i--) {
      const event = parsed(lines[i])
      if (event && !take(event)) return
    }
  }
}

function nameOf(id: number): string {
  return `events-${String(id).padStart(10, '0')}.jsonl`
}

function lastIdOf(path: string): number | undefined {
  const lines = readFileSync(path, 'utf8').split('\n')
  for (let i = lines.length - 1; i >= 0; i--) {
    const event = parsed(lines[i])
    if (event) return event.id
  }
  return undefined
}

/** Cuts off what follows the last whole line; answers the size. */
function mendTail(path: string): number {
  const fd = openSync(path, 'r')
  let end = fstatSync(fd).size
  const byte = Buffer.alloc(1)
  while (end > 0 && readSync(fd, byte, 0, 1, end - 1) === 1 && byte[0] !== 0x0a) end--
  const { size } = fstatSync(fd)
  closeSync(fd)
  if (end < size) truncateSync(path, end)
  return end
}

function parsed(line: string): LocalEvent | undefined {
  if (!line) return undefined
  try {
    const event = JSON.parse(line) as LocalEvent
    return Number.isInteger(event.id) && typeof event.type === 'string' ? event : undefined
  } catch {
    // Torn or damaged: the others are whole.
    return undefined
  }
}
