/** Where a signal's bits lie, told the same way for both byte orders. */
export interface Layout {
  /** The bytes that hold it, from the one with its least significant bit. */
  readonly bytes: readonly number[]
  /** Bits below the signal in the first of `bytes`. */
  readonly low: number
  readonly bitLength: number
  /** Payload bytes that a frame must have to hold it. */
  readonly need: number
}

/** A signal's place, as in `SG_`. */
export interface Placement {
  readonly startBit: number
  readonly bitLength: number
  readonly littleEndian: boolean
}

/**
 * Lays a signal out. In the DBC format, bit `n` is bit `n & 7` of byte `n >> 3`; the start bit of an
 * Intel signal is its least significant one, that of a Motorola signal its most significant one.
 */
export function layoutOf({ startBit, bitLength, littleEndian }: Placement): Layout {
  const bytes: number[] = []
  if (littleEndian) {
    const last = (startBit + bitLength - 1) >> 3
    for (let byte = startBit >> 3; byte <= last; byte++) bytes.push(byte)
    return { bytes, low: startBit & 7, bitLength, need: last + 1 }
  }
  const end = lastNetworkBit({ startBit, bitLength, littleEndian })
  for (let byte = end >> 3; byte >= startBit >> 3; byte--) bytes.push(byte)
  return { bytes, low: 7 - (end & 7), bitLength, need: (end >> 3) + 1 }
}

/** Payload bytes that a frame must have to hold the signal. */
export function bytesNeeded(place: Placement): number {
  if (place.littleEndian) return ((place.startBit + place.bitLength - 1) >> 3) + 1
  return (lastNetworkBit(place) >> 3) + 1
}

/** Position of a Motorola signal's last bit, counted from the most significant bit of byte 0. */
function lastNetworkBit({ startBit, bitLength }: Placement): number {
  return (startBit & ~7) + 7 - (startBit & 7) + bitLength - 1
}

/** The signal's bits, one bit of the mask for each bit of the payload. */
export function bitMask(place: Placement): bigint {
  const { bytes, low, bitLength } = layoutOf(place)
  let mask = 0n
  for (let i = 0; i < bitLength; i++) {
    const at = low + i
    mask |= 1n << BigInt(bytes[at >> 3] * 8 + (at & 7))
  }
  return mask
}
