import { FD_LENGTHS } from '../frame.ts'

/** Most bytes that a 12-bit length can state; beyond it the 32-bit escape is used (9.6.3.1). */
export const MAX_SHORT_LENGTH = 4095
/** Consecutive frames are numbered by four bits. */
export const SEQUENCE_MODULO = 16

/** What a flow control frame says (ISO 15765-2:2016, table 18). */
export type FlowStatus = 'continue' | 'wait' | 'overflow'
const FLOW_STATUS: readonly FlowStatus[] = ['continue', 'wait', 'overflow']

/** One frame's protocol control information (ISO 15765-2:2016, 9.6) and the payload behind it. */
export type Pci =
  | { readonly kind: 'single'; readonly payload: Uint8Array }
  | { readonly kind: 'first'; readonly length: number; readonly payload: Uint8Array }
  | { readonly kind: 'consecutive'; readonly sequence: number; readonly payload: Uint8Array }
  | {
      readonly kind: 'flow'
      /** `reserved`: a status that no standard knows; it ends the sending (9.6.5.2). */
      readonly status: FlowStatus | 'reserved'
      readonly blockSize: number
      readonly separationUs: number
    }

/**
 * Reads one frame.
 * @param data the frame's whole payload
 * @param prefix bytes before the control information: 1 with extended addressing
 * @returns undefined for what the standard tells a receiver to ignore: unknown types and lengths
 *   that cannot be
 */
export function parsePci(data: Uint8Array, prefix: number): Pci | undefined {
  if (data.length <= prefix) return undefined
  const head = data[prefix]
  switch (head >> 4) {
    case 0:
      return single(data, prefix, head)
    case 1:
      return first(data, prefix, head)
    case 2:
      if (data.length < prefix + 2) return undefined
      return {
        kind: 'consecutive',
        sequence: head & 0x0f,
        payload: data.subarray(prefix + 1),
      }
    case 3: {
      if (data.length < prefix + 3) return undefined
      const status = FLOW_STATUS[head & 0x0f] ?? 'reserved'
      const blockSize = data[prefix + 1]
      return { kind: 'flow', status, blockSize, separationUs: separationUs(data[prefix + 2]) }
    }
    default:
      return undefined
  }
}

function single(data: Uint8Array, prefix: number, head: number): Pci | undefined {
  let length = head & 0x0f
  let at = prefix + 1
  // Above 8 bytes the length stands in a byte of its own, and the nibble is 0 (9.6.2).
  if (data.length > 8) {
    if (length !== 0) return undefined
    length = data[at++]
    // What a classic frame could hold must come in one.
    if (length < 8 - prefix) return undefined
  }
  if (length === 0 || at + length > data.length) return undefined
  return { kind: 'single', payload: data.subarray(at, at + length) }
}

function first(data: Uint8Array, prefix: number, head: number): Pci | undefined {
  // A first frame is always full (9.6.3.2).
  if (data.length < 8 || data.length < prefix + 7) return undefined
  let length = ((head & 0x0f) << 8) | data[prefix + 1]
  let at = prefix + 2
  if (length === 0) {
    length = new DataView(data.buffer, data.byteOffset).getUint32(at)
    at += 4
    // The escape is for lengths that need it.
    if (length <= MAX_SHORT_LENGTH) return undefined
  }
  if (length <= singleCapacity(data.length, prefix)) return undefined
  return { kind: 'first', length, payload: data.subarray(at) }
}

/** Most bytes that one single frame of `frameBytes` carries. */
export function singleCapacity(frameBytes: number, prefix: number): number {
  return frameBytes > 8 ? frameBytes - prefix - 2 : Math.min(frameBytes, 8) - prefix - 1
}

/**
 * Minimum separation by its byte (9.6.5.4): 0 to 127 ms, 0xF1 to 0xF9 100 to 900 µs, and for the
 * reserved values the longest that there is.
 */
export function separationUs(byte: number): number {
  if (byte <= 0x7f) return byte * 1000
  if (byte >= 0xf1 && byte <= 0xf9) return (byte - 0xf0) * 100
  return 127_000
}

/** The byte of a separation, rounded up to what the byte can say. */
export function separationByte(us: number): number {
  if (us <= 0) return 0
  if (us <= 900) return 0xf0 + Math.ceil(us / 100)
  return Math.min(0x7f, Math.ceil(us / 1000))
}

/** Length of the smallest frame that holds `bytes`: DLCs above 8 have gaps (ISO 11898-1). */
export function frameLength(bytes: number): number {
  return FD_LENGTHS.find((length) => length >= bytes) ?? 64
}

/** A flow control frame's bytes, without prefix and padding. */
export function flowBytes(
  status: FlowStatus,
  blockSize: number,
  separation: number,
): [number, number, number] {
  return [0x30 | FLOW_STATUS.indexOf(status), blockSize, separation]
}
