import { FD_LENGTHS } from '../frame.ts'

/** How an exchange ended early, by the standard's own names (ISO 15765-2:2016, 8.3.7). */
export type IsoTpFault =
  /** A frame could not be put on the bus in time. */
  | 'N_TIMEOUT_A'
  /** No flow control came. */
  | 'N_TIMEOUT_BS'
  /** No consecutive frame came: the other end stopped in the middle. */
  | 'N_TIMEOUT_CR'
  | 'N_WRONG_SN'
  | 'N_INVALID_FS'
  /** Another message began before this one was complete. */
  | 'N_UNEXP_PDU'
  /** More wait frames than `maxWaits`. */
  | 'N_WFT_OVRN'
  /** The message is longer than the receiver takes. */
  | 'N_BUFFER_OVFLW'

export interface IsoTpOptions {
  /** CAN FD frames of up to `frameBytes`. */
  readonly fd?: boolean
  /** Bytes of a full frame that we send: 8, and with `fd` 12 to 64. */
  readonly frameBytes?: number
  /** Frames of a block that we are sent before we say go on; 0: all at once. */
  readonly blockSize?: number
  /** Least time between two frames that we are sent. */
  readonly separationUs?: number
  /** Fills classic frames up to 8 bytes; null sends them as short as they are. */
  readonly padding?: number | null
  /** Longest message that is taken; a longer one is told to stop. Memory is bounded by it. */
  readonly maxLength?: number
  /** Wait frames in a row that we send or suffer (N_WFTmax). */
  readonly maxWaits?: number
  /** How long a frame may take to get on the bus (N_As, N_Ar). */
  readonly sendTimeoutMs?: number
  /** How long to wait for flow control (N_Bs). */
  readonly flowTimeoutMs?: number
  /** How long to wait for the next consecutive frame (N_Cr). */
  readonly nextTimeoutMs?: number
}

/** The options with every default filled in, times in microseconds. */
export interface Settings {
  readonly fd: boolean
  readonly frameBytes: number
  readonly blockSize: number
  readonly separationUs: number
  readonly padding: number | null
  readonly maxLength: number
  readonly maxWaits: number
  readonly sendTimeoutUs: number
  readonly flowTimeoutUs: number
  readonly nextTimeoutUs: number
}

/** What the standard recommends for unused bytes: few stuff bits (10.4.2.2). */
export const PADDING = 0xcc
/** Largest `maxLength` that may be asked for. */
export const MAX_MESSAGE_BYTES = 16 * 2 ** 20

/** Fills in the defaults; times are those of ISO 15765-2:2016, table 21. */
export function settingsOf(options: IsoTpOptions = {}): Settings {
  const fd = options.fd ?? false
  const frameBytes = options.frameBytes ?? (fd ? 64 : 8)
  if (frameBytes < 8 || !FD_LENGTHS.includes(frameBytes) || (!fd && frameBytes !== 8)) {
    throw new RangeError(`frameBytes: ${frameBytes}; 8, and with CAN FD 12 to 64`)
  }
  return {
    fd,
    frameBytes,
    blockSize: Math.min(255, options.blockSize ?? 0),
    separationUs: options.separationUs ?? 0,
    padding: options.padding === undefined ? PADDING : options.padding,
    maxLength: Math.min(MAX_MESSAGE_BYTES, options.maxLength ?? 4095),
    maxWaits: options.maxWaits ?? 16,
    sendTimeoutUs: (options.sendTimeoutMs ?? 1000) * 1000,
    flowTimeoutUs: (options.flowTimeoutMs ?? 1000) * 1000,
    nextTimeoutUs: (options.nextTimeoutMs ?? 1000) * 1000,
  }
}
