import { SensorError } from '../errors.ts'
import { FRAME_EXT } from '../frame.ts'

/**
 * Two ends of an ISO-TP conversation, as seen from one of them (ISO 15765-2:2016, 10.3). Normal
 * addressing has identifiers only; extended and mixed addressing put one byte before the rest.
 */
export interface IsoTpAddress {
  /** Identifier of the frames that we send. */
  readonly txId: number
  /** Identifier of the frames that the other end sends. */
  readonly rxId: number
  /** Both are 29-bit. */
  readonly ext: boolean
  /** Extended addressing: first byte of the frames that we send (N_TA, or N_AE where mixed). */
  readonly txByte?: number
  /** The same of the frames that we receive. */
  readonly rxByte?: number
}

/** The address as the other end has it. */
export function opposite(address: IsoTpAddress): IsoTpAddress {
  const { txId, rxId, ext, txByte, rxByte } = address
  return { txId: rxId, rxId: txId, ext, txByte: rxByte, rxByte: txByte }
}

/** How both ends wrap an address byte: 1 where there is one, else 0. */
export function prefixLength(byte: number | undefined): number {
  return byte === undefined ? 0 : 1
}

/**
 * The fixed addresses of 29-bit diagnostics (ISO 15765-2, 10.3.3; ISO 15765-4, 10.5.2): physical
 * 0x18DA, then target, then source.
 */
export function normalFixed(target: number, source = 0xf1): IsoTpAddress {
  for (const byte of [target, source]) {
    if (Number.isInteger(byte) && byte >= 0 && byte <= 0xff) continue
    throw new SensorError('DEVICE_PROTOCOL', `${byte} is no diagnostic address: 0 to 255.`)
  }
  return {
    txId: (0x18da0000 | (target << 8) | source) >>> 0,
    rxId: (0x18da0000 | (source << 8) | target) >>> 0,
    ext: true,
  }
}

/** `FRAME_EXT` where it is due. */
export function formOf(address: IsoTpAddress): number {
  return address.ext ? FRAME_EXT : 0
}
