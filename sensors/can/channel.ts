import { FRAME_EXT } from '../frame.ts'

/**
 * Identifiers as the kernel's CAN_RAW filters have them: a frame matches when it is of the same form
 * (11 or 29 bit) and `frame.id & mask` equals `id & mask`.
 */
export interface IdFilter {
  readonly id: number
  /** Left out: every bit counts. */
  readonly mask?: number
  /** 29-bit identifier. Left out: what `id` is too large for otherwise. */
  readonly ext?: boolean
}

/** One frame as a listener gets it; `data` is the listener's own to keep. */
export interface ChannelFrame {
  /** Microseconds since the epoch, as the bus stamped it. */
  readonly timeUs: number
  readonly id: number
  readonly ext: boolean
  /** `FRAME_*` bits, `FRAME_EXT` among them. */
  readonly flags: number
  readonly data: Uint8Array
}

export type FrameListener = (frame: ChannelFrame) => void

/**
 * One bus as a protocol of questions and answers sees it (OBD, UDS, J1939, ISO-TP): it hears chosen
 * frames, and may send those that the config allows. Which sensor owns the bus is not its business.
 */
export interface FrameChannel {
  /** Name of the bus. */
  readonly bus: string
  /**
   * Sends one frame now; there is no queue but the device's own.
   * @param flags `FRAME_FD`, `FRAME_BRS`; data of more than 8 bytes needs `FRAME_FD`
   * @throws SensorError SEND_DENIED: the config does not allow this identifier;
   *   DEVICE_LOST: no sensor of this bus is open, or its interface is down;
   *   DEVICE_BUSY: the device's queue is full, nothing was sent and a later try may do;
   *   DEVICE_PROTOCOL: no such frame, or this bus cannot carry it
   */
  send(id: number, ext: boolean, data: Uint8Array, flags?: number): void
  /**
   * For who will have to send these frames, before it begins; sends nothing. Left out: `send` will say.
   * @throws SensorError SEND_DENIED, naming every one that the config does not allow
   */
  mustSend?(frames: readonly { readonly id: number; readonly ext: boolean }[]): void
  /**
   * Calls `listener` with each data frame that one of the filters matches, until the returned function
   * is called. Frames sent on this channel do not come back to it. The listener must not throw.
   */
  onFrame(filters: readonly IdFilter[], listener: FrameListener): () => void
  /**
   * Takes an error that a protocol on this bus met where nobody waits for an answer, in a timer for
   * instance; it is counted. Left out: such an error is thrown.
   */
  broken?(error: unknown): void
}

/** How a sensor that owns a bus puts a frame on it; throws as `FrameChannel.send` does. */
export type FrameSender = (id: number, ext: boolean, data: Uint8Array, flags: number) => void

/** Which frames anybody wants of a bus. */
export interface WantedIds {
  /** Undefined: all. */
  current(): readonly IdFilter[] | undefined
  /** Calls `listener` after every change, until the returned function is called. */
  onChange(listener: () => void): () => void
}

export function isExt(filter: IdFilter): boolean {
  return filter.ext ?? filter.id > 0x7ff
}

/** Whether one filter matches a frame. */
export function matches(filter: IdFilter, id: number, ext: boolean): boolean {
  return isExt(filter) === ext && ((filter.id ^ id) & (filter.mask ?? -1)) === 0
}

/** Whether any filter matches a frame. */
export function matchesAny(filters: readonly IdFilter[], id: number, ext: boolean): boolean {
  for (const filter of filters) if (matches(filter, id, ext)) return true
  return false
}

/** Whether the flags say 29 bits. */
export function extOf(flags: number): boolean {
  return (flags & FRAME_EXT) !== 0
}
