import {
  FRAME_BRS,
  FRAME_ERR,
  FRAME_ESI,
  FRAME_EXT,
  FRAME_FD,
  FRAME_RTR,
  FRAME_STRIDE,
  type FrameBatch,
} from '../frame.ts'
import { hexPairs } from '../hex.ts'
import type { BusNames } from './interfaces.ts'

const CAN_ERR_FLAG = 0x20000000

/** Frame `i` of the batch as a line of `candump -L`, without the newline. */
export function formatCandump(
  batch: FrameBatch,
  i: number,
  names: Pick<BusNames, 'nameOf'>,
): string {
  const flags = batch.flags[i]
  const seconds = Math.floor(batch.timeUs[i] / 1e6)
  const micros = Math.round(batch.timeUs[i] - seconds * 1e6)
  const time = `${String(seconds).padStart(10, '0')}.${String(micros).padStart(6, '0')}`
  return `(${time}) ${names.nameOf(batch.bus[i])} ${identifier(batch.id[i], flags)}${payload(batch, i)}`
}

function identifier(id: number, flags: number): string {
  const bits = flags & FRAME_ERR ? id + CAN_ERR_FLAG : id
  const digits = flags & (FRAME_EXT | FRAME_ERR) ? 8 : 3
  return bits.toString(16).toUpperCase().padStart(digits, '0')
}

function payload(batch: FrameBatch, i: number): string {
  const flags = batch.flags[i]
  const length = batch.length[i]
  if (flags & FRAME_RTR) return length > 0 ? `#R${length}` : '#R'
  let text = '#'
  if (flags & FRAME_FD) text = `##${(flags & FRAME_BRS ? 1 : 0) | (flags & FRAME_ESI ? 2 : 0)}`
  const base = i * FRAME_STRIDE
  for (let at = base; at < base + length; at++) text += hexPairs[batch.data[at]]
  return text
}
