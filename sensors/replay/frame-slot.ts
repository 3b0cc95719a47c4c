import {
  FD_LENGTHS,
  FRAME_ERR,
  FRAME_EXT,
  FRAME_FD,
  FRAME_RTR,
  FRAME_STRIDE,
  type FrameBatch,
} from '../frame.ts'
import type { BusNames } from './interfaces.ts'
import { FRAME, type LineKind, MALFORMED, UNWANTED } from './line-reader.ts'

const MAX_STD_ID = 0x7ff
const MAX_EXT_ID = 0x1fffffff
/** `CAN_ERR_BUSERROR` of `linux/can/error.h`: for logs that say no more than "error frame". */
const BUS_ERROR = 0x80

/** Channel numbers told apart; one beyond has no bus. */
const MAX_CHANNELS = 256
const UNASKED = -2

/** The buses of a log that numbers its channels: `can0`, `can1` and so on. */
export class Channels {
  readonly #buses: Pick<BusNames, 'indexOf'>
  readonly #known = new Int16Array(MAX_CHANNELS).fill(UNASKED)

  constructor(buses: Pick<BusNames, 'indexOf'>) {
    this.#buses = buses
  }

  /** The bus of channel `n`, counted from 0; negative: not wanted, or no channel. */
  busOf(n: number): number {
    if (n < 0 || n >= MAX_CHANNELS) return -1
    if (this.#known[n] === UNASKED) this.#known[n] = Math.max(this.#buses.indexOf(`can${n}`), -1)
    return this.#known[n]
  }
}

/**
 * Completes slot `batch.count`, the payload of which is there already. Refuses what no CAN controller
 * sends: an identifier that is too large, a length that there is not, a time out of range.
 */
export function finishFrame(
  batch: FrameBatch,
  timeUs: number,
  bus: number,
  id: number,
  flags: number,
  length: number,
): LineKind {
  if (!(timeUs >= 0 && timeUs <= Number.MAX_SAFE_INTEGER)) return MALFORMED
  if (id < 0 || id > (flags & (FRAME_EXT | FRAME_ERR) ? MAX_EXT_ID : MAX_STD_ID)) return MALFORMED
  if (flags & FRAME_FD ? !FD_LENGTHS.includes(length) : !(length >= 0 && length <= 8))
    return MALFORMED
  if (bus < 0) return UNWANTED
  const slot = batch.count
  // A remote frame asks for so many bytes and carries none; no stale ones shall show.
  if (flags & FRAME_RTR) batch.data.fill(0, slot * FRAME_STRIDE, slot * FRAME_STRIDE + length)
  batch.timeUs[slot] = timeUs
  batch.bus[slot] = bus
  batch.id[slot] = id
  batch.flags[slot] = flags
  batch.length[slot] = length
  return FRAME
}

/** An error frame of a log that tells nothing about the error. */
export function finishError(batch: FrameBatch, timeUs: number, bus: number): LineKind {
  batch.data.fill(0, batch.count * FRAME_STRIDE, batch.count * FRAME_STRIDE + 8)
  return finishFrame(batch, timeUs, bus, BUS_ERROR, FRAME_ERR, 8)
}
