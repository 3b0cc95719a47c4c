import { constants, inflateSync } from 'node:zlib'
import type { FrameBatch } from '../frame.ts'
import { BlfObjects } from './blf-objects.ts'
import { ByteQueue } from './byte-queue.ts'
import type { BusNames } from './interfaces.ts'
import type { LogReader } from './log-source.ts'

/** Most bytes of a packed container, and of an unpacked one; usual are 128 KiB unpacked. */
const MAX_CONTAINER_BYTES = 16 * 1024 * 1024
/** The part of the file header that is used; the header's own size follows the signature. */
const HEADER_BYTES = 72
const OBJECT_HEADER_BYTES = 16
/** Method and unpacked size, before a container's content. */
const CONTAINER_HEADER_BYTES = 16
const LOG_CONTAINER = 10
const STORED = 0
const ZLIB = 2
const LOBJ = Buffer.from('LOBJ')

/** Whether a log begins as a BLF file does. */
export function isBlf(head: Uint8Array): boolean {
  return head.length >= 4 && Buffer.from(head.subarray(0, 4)).toString('latin1') === 'LOGG'
}

/**
 * Vector BLF: a header, then objects, most of them inside zlib containers; an object may begin in one
 * container and end in the next. The format is not published; written after what python-can's reader
 * (`can/io/blf.py`) takes from it. Containers are unpacked one at a time.
 */
export class BlfReader implements LogReader {
  readonly format = 'blf'
  readonly #outer = new ByteQueue()
  readonly #objects: BlfObjects
  #broken = 0
  #begun = false
  #ended = false
  /** Bytes to pass over: the rest of the header, padding, objects that are no containers. */
  #skip = 0

  constructor(buses: BusNames) {
    this.#objects = new BlfObjects(buses)
  }

  get frames(): number {
    return this.#objects.frames
  }

  get malformed(): number {
    return this.#broken + this.#objects.malformed
  }

  get unwanted(): number {
    return this.#objects.unwanted
  }

  push(chunk: Uint8Array): void {
    this.#outer.push(chunk)
  }

  end(): void {
    this.#ended = true
  }

  fill(batch: FrameBatch): boolean {
    do {
      if (this.#objects.fill(batch)) return true
    } while (this.#next())
    return false
  }

  /** Takes the next container or object from the file; false: there is none as yet. */
  #next(): boolean {
    const outer = this.#outer
    if (!this.#begun) {
      if (outer.length < HEADER_BYTES) return false
      const header = outer.peek(HEADER_BYTES)
      this.#objects.startUs = systemTimeUs(header, 40)
      this.#skip = Math.max(header.readUInt32LE(4), HEADER_BYTES)
      this.#begun = true
    }
    this.#skip -= outer.drop(this.#skip)
    if (this.#skip > 0) return false
    if (outer.length < OBJECT_HEADER_BYTES) {
      if (this.#ended && outer.length > 0) this.#lost(outer.length)
      return false
    }
    const header = outer.peek(OBJECT_HEADER_BYTES)
    const size = header.readUInt32LE(8)
    const sound = size >= OBJECT_HEADER_BYTES && size <= MAX_CONTAINER_BYTES
    if (!sound || !header.subarray(0, 4).equals(LOBJ)) return this.#resync()
    const packed = header.readUInt32LE(12) === LOG_CONTAINER
    if (outer.length < size && !this.#ended) return false
    const cut = outer.length < size
    if (cut) this.#broken++
    const object = outer.take(Math.min(size, outer.length))
    this.#skip = size % 4
    // Objects may also stand in the file as they are.
    if (packed) this.#unpack(object)
    else this.#objects.push(object)
    return true
  }

  #unpack(object: Buffer): void {
    const content = object.subarray(OBJECT_HEADER_BYTES + CONTAINER_HEADER_BYTES)
    if (object.length < OBJECT_HEADER_BYTES + CONTAINER_HEADER_BYTES) {
      this.#broken++
      return
    }
    const method = object.readUInt16LE(OBJECT_HEADER_BYTES)
    if (method === STORED) this.#objects.push(content)
    else if (method === ZLIB) {
      try {
        // A container that was cut off gives what it has.
        const options = {
          maxOutputLength: MAX_CONTAINER_BYTES,
          finishFlush: constants.Z_SYNC_FLUSH,
        }
        this.#objects.push(inflateSync(content, options))
      } catch {
        this.#broken++
      }
    } else this.#broken++
  }

  /** Something that is no object: goes on at the next place that says it is one. */
  #resync(): boolean {
    this.#broken++
    const all = this.#outer.peek(this.#outer.length)
    const at = all.indexOf(LOBJ, 1)
    // The last three bytes may be the beginning of a signature.
    this.#outer.drop(at < 0 ? Math.max(all.length - 3, 1) : at)
    return true
  }

  #lost(bytes: number): void {
    this.#broken++
    this.#outer.drop(bytes)
  }
}

/** A Windows `SYSTEMTIME` (eight 16-bit numbers), as microseconds since the epoch; 0 where unset. */
function systemTimeUs(header: Buffer, at: number): number {
  const part = (i: number): number => header.readUInt16LE(at + 2 * i)
  const year = part(0)
  if (year < 1970 || year > 9999) return 0
  return Date.UTC(year, part(1) - 1, part(3), part(4), part(5), part(6), part(7)) * 1000
}
