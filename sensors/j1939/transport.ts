import { pgnAt, pgnBytes } from './id.ts'

/** Transport protocol of SAE J1939-21, 5.10: control bytes, limits, times. */
export const RTS = 16
export const CTS = 17
export const END = 19
const BAM = 32
const ABORT = 255

export const PACKET_BYTES = 7
/** Most bytes of one message: 255 packets. */
export const MAX_TRANSPORT_BYTES = 1785
export const MIN_TRANSPORT_BYTES = 9

/** T1: between two packets of a broadcast, and of a conversation. */
export const T1_US = 750_000
/** T2: between our clear-to-send and the first packet. */
export const T2_US = 1_250_000
/** T3: between the last packet and the answer to it. */
export const T3_US = 1_250_000
/** T4: between "wait" and the next clear-to-send. */
export const T4_US = 1_050_000

/** Why a conversation is given up (table 7). */
export type AbortReason = 'busy' | 'resources' | 'timeout' | 'other'
const REASONS: readonly AbortReason[] = ['busy', 'resources', 'timeout']

/** One control frame. */
export type Control =
  | { kind: 'rts' | 'bam'; size: number; packets: number; perCts: number; pgn: number }
  | { kind: 'cts'; packets: number; next: number; pgn: number }
  | { kind: 'end'; size: number; packets: number; pgn: number }
  | { kind: 'abort'; reason: AbortReason; pgn: number }

/** Reads a control frame; undefined where it is none, or says what cannot be. */
export function parseControl(data: Uint8Array): Control | undefined {
  if (data.length < 8) return undefined
  const pgn = pgnAt(data, 5)
  const size = data[1] | (data[2] << 8)
  switch (data[0]) {
    case RTS:
    case BAM: {
      const fits = size >= MIN_TRANSPORT_BYTES && size <= MAX_TRANSPORT_BYTES
      if (!fits || data[3] !== packetsOf(size)) return undefined
      const perCts = data[0] === RTS ? data[4] : 0xff
      return { kind: data[0] === RTS ? 'rts' : 'bam', size, packets: data[3], perCts, pgn }
    }
    case CTS:
      return { kind: 'cts', packets: data[1], next: data[2], pgn }
    case END:
      return { kind: 'end', size, packets: data[3], pgn }
    case ABORT:
      return { kind: 'abort', reason: REASONS[data[1] - 1] ?? 'other', pgn }
    default:
      return undefined
  }
}

export function packetsOf(size: number): number {
  return Math.ceil(size / PACKET_BYTES)
}

export function announceBytes(kind: 'rts' | 'bam', size: number, pgn: number): Uint8Array {
  const head = kind === 'rts' ? RTS : BAM
  return Uint8Array.of(head, size & 0xff, size >> 8, packetsOf(size), 0xff, ...pgnBytes(pgn))
}

export function ctsBytes(packets: number, next: number, pgn: number): Uint8Array {
  return Uint8Array.of(CTS, packets, next, 0xff, 0xff, ...pgnBytes(pgn))
}

export function endBytes(size: number, pgn: number): Uint8Array {
  return Uint8Array.of(END, size & 0xff, size >> 8, packetsOf(size), 0xff, ...pgnBytes(pgn))
}

export function abortBytes(reason: AbortReason, pgn: number): Uint8Array {
  const code = REASONS.indexOf(reason) + 1
  return Uint8Array.of(ABORT, code || 250, 0xff, 0xff, 0xff, ...pgnBytes(pgn))
}

/** Packet `number`, from 1, of a message; unused bytes are 0xFF. */
export function packetBytes(message: Uint8Array, number: number): Uint8Array {
  const packet = new Uint8Array(8).fill(0xff)
  packet[0] = number
  const from = (number - 1) * PACKET_BYTES
  packet.set(message.subarray(from, from + PACKET_BYTES), 1)
  return packet
}
