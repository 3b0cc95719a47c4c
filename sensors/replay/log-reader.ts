import type { FrameBatch } from '../frame.ts'
import { BlfReader, isBlf } from './blf.ts'
import type { BusNames } from './interfaces.ts'
import { LINE_FORMATS, type LineFormatKind } from './line-formats.ts'
import { LineReader } from './line-reader.ts'
import type { LogReader } from './log-source.ts'

export type { LogReader }

/** Reads a log of any format that is known here, told by its content and not by its name. */
export function readerFor(buses: BusNames): LogReader {
  return new DetectingReader(buses)
}

/** Bytes looked at to tell the format; a log that says nothing by then is taken for candump. */
const MAX_HEAD_BYTES = 64 * 1024
/** Longest line looked at while telling the format. */
const MAX_HEAD_LINE_BYTES = 1024

class DetectingReader implements LogReader {
  readonly #buses: BusNames
  #reader: LogReader | undefined
  #head = Buffer.alloc(0)
  /** Where the first line that was not yet looked at begins. */
  #looked = 0

  constructor(buses: BusNames) {
    this.#buses = buses
  }

  get format(): string | undefined {
    return this.#reader?.format
  }

  get frames(): number {
    return this.#reader?.frames ?? 0
  }

  get malformed(): number {
    return this.#reader?.malformed ?? 0
  }

  get unwanted(): number {
    return this.#reader?.unwanted ?? 0
  }

  push(chunk: Uint8Array): void {
    if (this.#reader) {
      this.#reader.push(chunk)
      return
    }
    this.#head = Buffer.concat([this.#head, chunk])
    this.#tell(false)
  }

  end(): void {
    if (!this.#reader) this.#tell(true)
    this.#reader?.end()
  }

  fill(batch: FrameBatch): boolean {
    return this.#reader?.fill(batch) ?? false
  }

  #tell(ended: boolean): void {
    const head = this.#head
    if (isBlf(head)) {
      this.#choose(new BlfReader(this.#buses))
      return
    }
    while (this.#looked < head.length) {
      const newline = head.indexOf(10, this.#looked)
      if (newline < 0 && !ended) break
      const end = newline < 0 ? head.length : newline
      const length = Math.min(end - this.#looked, MAX_HEAD_LINE_BYTES)
      const line = head.toString('latin1', this.#looked, this.#looked + length).trim()
      this.#looked = end + 1
      const kind = LINE_FORMATS.find(({ signature }) => signature.test(line))
      if (!kind) continue
      this.#choose(this.#lines(kind))
      return
    }
    const [candump] = LINE_FORMATS
    if (ended || head.length >= MAX_HEAD_BYTES) this.#choose(this.#lines(candump))
  }

  #lines(kind: LineFormatKind): LogReader {
    return new LineReader(kind.name, kind.make(this.#buses))
  }

  #choose(reader: LogReader): void {
    this.#reader = reader
    reader.push(this.#head)
    this.#head = Buffer.alloc(0)
  }
}
