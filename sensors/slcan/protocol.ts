/**
 * The LAWICEL protocol, as CAN232 and CANUSB manuals have it, with the CAN FD letters and bitrates
 * of the CANable 2.0 firmware.
 */
export const CR = 13
export const BELL = 7

/** `S0` to `S8`: bit/s of the bus to the adapter's number for it. */
export const BITRATE_NUMBERS: ReadonlyMap<number, number> = new Map([
  [10_000, 0],
  [20_000, 1],
  [50_000, 2],
  [100_000, 3],
  [125_000, 4],
  [250_000, 5],
  [500_000, 6],
  [800_000, 7],
  [1_000_000, 8],
])

/** `Y2` and `Y5`: bit/s of a CAN FD frame's data phase. */
export const DATA_BITRATE_NUMBERS: ReadonlyMap<number, number> = new Map([
  [2_000_000, 2],
  [5_000_000, 5],
])

/** Adapter time counts milliseconds from 0 to 59,999, then begins again. */
export const TIMESTAMP_WRAP_MS = 60_000

/** Bits of the answer to `F` that mean lost frames: receive FIFO full, data overrun. */
export const STATUS_LOSS = 0x01 | 0x08
/** Others: error warning (96 errors), error passive (128 errors), an error on the bus. */
export const STATUS_WARNING = 0x04
export const STATUS_PASSIVE = 0x20
export const STATUS_BUS_ERROR = 0x80
