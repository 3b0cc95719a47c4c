import {
  FD_LENGTHS,
  FRAME_BRS,
  FRAME_ESI,
  FRAME_EXT,
  FRAME_FD,
  FRAME_RTR,
  FRAME_STRIDE,
  type FrameBatch,
} from '../frame.ts'
import { Channels, finishError, finishFrame } from './frame-slot.ts'
import type { BusNames } from './interfaces.ts'
import { FRAME, type LineKind, MALFORMED, NOTHING, UNWANTED } from './line-reader.ts'

const LOBJ = Buffer.from('LOBJ')
const BASE_HEADER_BYTES = 16
/** Headers of version 1 have 32 bytes, those of version 2 have 40. */
const MIN_HEADER_BYTES = 32
/** The largest object kept for its end to come; a CAN frame has far less. */
const MAX_OBJECT_BYTES = 1024 * 1024

const CAN_MESSAGE = 1
const CAN_ERROR = 2
const CAN_ERROR_EXT = 73
const CAN_MESSAGE2 = 86
const CAN_FD_MESSAGE = 100
const CAN_FD_MESSAGE_64 = 101

const EXT_BIT = 0x80000000
const REMOTE = 0x80
const TEN_MICROSECONDS = 1

/** The objects inside the containers of a BLF file. */
export class BlfObjects {
  frames = 0
  malformed = 0
  /** Frames of channels for which `BusNames.indexOf` said no. */
  unwanted = 0
  /** When the recording began; times of objects count from there. */
  startUs = 0
  readonly #channels: Channels
  #bytes: Buffer = Buffer.alloc(0)
  #at = 0

  constructor(buses: BusNames) {
    this.#channels = new Channels(buses)
  }

  push(bytes: Buffer): void {
    const rest = this.#bytes.subarray(this.#at)
    this.#bytes = rest.length > 0 ? Buffer.concat([rest, bytes]) : bytes
    this.#at = 0
  }

  /** As `LogReader.fill`. */
  fill(batch: FrameBatch): boolean {
    for (;;) {
      if (batch.full) return true
      const bytes = this.#bytes
      const at = this.#at
      if (bytes.length - at < BASE_HEADER_BYTES) return false
      if (bytes.compare(LOBJ, 0, 4, at, at + 4) !== 0) {
        if (!this.#seek()) return false
        continue
      }
      const headerBytes = bytes.readUInt16LE(at + 4)
      const size = bytes.readUInt32LE(at + 8)
      if (size < BASE_HEADER_BYTES || size > MAX_OBJECT_BYTES) {
        this.malformed++
        this.#at += 4
        continue
      }
      // The rest of it is in the next container.
      if (bytes.length - at < size) return false
      const object = bytes.subarray(at, at + size)
      const kind = this.#object(object, headerBytes, bytes.readUInt32LE(at + 12), batch)
      this.#at += size
      if (kind === FRAME) {
        batch.count++
        this.frames++
      } else if (kind === MALFORMED) this.malformed++
      else if (kind === UNWANTED) this.unwanted++
    }
  }

  /** Goes to the next object: past padding, or past rubbish, which is counted. */
  #seek(): boolean {
    const found = this.#bytes.indexOf(LOBJ, this.#at)
    const to = found < 0 ? this.#bytes.length - 3 : found
    if (to - this.#at >= 4) this.malformed++
    this.#at = to
    return found >= 0
  }

  #object(object: Buffer, headerBytes: number, type: number, batch: FrameBatch): LineKind {
    const known =
      type === CAN_MESSAGE ||
      type === CAN_MESSAGE2 ||
      type === CAN_FD_MESSAGE ||
      type === CAN_FD_MESSAGE_64 ||
      type === CAN_ERROR ||
      type === CAN_ERROR_EXT
    if (!known) return NOTHING
    const at = headerBytes
    if (headerBytes < MIN_HEADER_BYTES || object.length < at + 2) return MALFORMED
    const ticks = object.readUInt32LE(24) + object.readUInt32LE(28) * 2 ** 32
    const tens = object.readUInt32LE(16) === TEN_MICROSECONDS
    const timeUs = this.startUs + (tens ? ticks * 10 : Math.round(ticks / 1000))
    if (type === CAN_FD_MESSAGE_64) return this.#fd64(object, at, timeUs, batch)
    const bus = this.#channels.busOf(Math.max(object.readUInt16LE(at) - 1, 0))
    if (type === CAN_ERROR || type === CAN_ERROR_EXT) return finishError(batch, timeUs, bus)
    if (type === CAN_FD_MESSAGE) return this.#fd(object, at, timeUs, bus, batch)
    if (object.length < at + 16) return MALFORMED
    const remote = (object[at + 2] & REMOTE) !== 0
    const length = Math.min(object[at + 3], 8)
    put(object, at + 8, length, batch)
    const id = object.readUInt32LE(at + 4)
    return finish(batch, timeUs, bus, id, remote ? FRAME_RTR : 0, length)
  }

  /** Channel 16, flags 8, DLC 8, id 32, two times, FD flags 8, valid bytes 8, five more, payload. */
  #fd(object: Buffer, at: number, timeUs: number, bus: number, batch: FrameBatch): LineKind {
    if (object.length < at + 20) return MALFORMED
    const id = object.readUInt32LE(at + 4)
    const told = object[at + 13]
    let flags = 0
    if (told & 1) flags = FRAME_FD | (told & 2 ? FRAME_BRS : 0) | (told & 4 ? FRAME_ESI : 0)
    if (object[at + 2] & REMOTE) {
      return finish(batch, timeUs, bus, id, FRAME_RTR, Math.min(object[at + 3], 8))
    }
    const length = object[at + 14]
    if (length > FRAME_STRIDE || object.length < at + 20 + length) return MALFORMED
    put(object, at + 20, length, batch)
    return finish(batch, timeUs, bus, id, flags, length)
  }

  /** Channel 8, DLC 8, valid bytes 8, sends 8, id 32, length 32, flags 32, …, payload at 40. */
  #fd64(object: Buffer, at: number, timeUs: number, batch: FrameBatch): LineKind {
    if (object.length < at + 40) return MALFORMED
    const bus = this.#channels.busOf(Math.max(object[at] - 1, 0))
    const id = object.readUInt32LE(at + 4)
    const told = object.readUInt32LE(at + 12)
    if (told & 0x10) return finish(batch, timeUs, bus, id, FRAME_RTR, Math.min(object[at + 1], 8))
    let flags = 0
    if (told & 0x1000)
      flags = FRAME_FD | (told & 0x2000 ? FRAME_BRS : 0) | (told & 0x4000 ? FRAME_ESI : 0)
    const length = flags ? (FD_LENGTHS[object[at + 1] & 15] ?? 0) : Math.min(object[at + 2], 8)
    // Bytes that are said to be valid but are not in the object are zeros, as in Vector's own library.
    const there = Math.max(Math.min(length, object.length - at - 40), 0)
    batch.data.fill(0, batch.count * FRAME_STRIDE, (batch.count + 1) * FRAME_STRIDE)
    put(object, at + 40, there, batch)
    return finish(batch, timeUs, bus, id, flags, length)
  }
}

function put(object: Buffer, from: number, length: number, batch: FrameBatch): void {
  batch.data.set(object.subarray(from, from + length), batch.count * FRAME_STRIDE)
}

function finish(
  batch: FrameBatch,
  timeUs: number,
  bus: number,
  id: number,
  kind: number,
  length: number,
): LineKind {
  const ext = id >= EXT_BIT
  return finishFrame(
    batch,
    timeUs,
    bus,
    ext ? id - EXT_BIT : id,
    ext ? kind | FRAME_EXT : kind,
    length,
  )
}
