/** Bit flags of one frame, as held in `FrameBatch.flags`. */
export const FRAME_EXT = 1
export const FRAME_FD = 2
export const FRAME_BRS = 4
export const FRAME_ESI = 8
export const FRAME_RTR = 16
export const FRAME_ERR = 32

/** Bytes kept for each frame's payload: CAN FD's largest. */
export const FRAME_STRIDE = 64

/** CAN FD's payload length by DLC (ISO 11898-1); the first nine are classic CAN's too. */
export const FD_LENGTHS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64]

/**
 * Raw CAN frames in flat arrays, so that a full bus costs no object per frame.
 * A batch is reused by whoever filled it: a callee that wants to keep anything copies it before
 * it returns.
 */
export class FrameBatch {
  /** How many frames are in use; those beyond are left over from an earlier fill. */
  count = 0
  readonly capacity: number
  /** Microseconds since the epoch (a double holds them exactly until the year 2255). */
  readonly timeUs: Float64Array
  /** Index of the bus, as the agent numbered it. */
  readonly bus: Uint8Array
  /** 11- or 29-bit identifier without flag bits. */
  readonly id: Uint32Array
  readonly flags: Uint8Array
  /** Payload bytes in use, 0 to 64. */
  readonly length: Uint8Array
  /** Payload of frame `i` starts at `i * FRAME_STRIDE`; bytes past its length may be stale. */
  readonly data: Uint8Array

  constructor(capacity = 512) {
    this.capacity = capacity
    this.timeUs = new Float64Array(capacity)
    this.bus = new Uint8Array(capacity)
    this.id = new Uint32Array(capacity)
    this.flags = new Uint8Array(capacity)
    this.length = new Uint8Array(capacity)
    this.data = new Uint8Array(capacity * FRAME_STRIDE)
  }

  get full(): boolean {
    return this.count === this.capacity
  }
}
