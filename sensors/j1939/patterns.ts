/** What a raw number says of itself (SAE J1939-71, 5.1.4, tables 1 and 2). */
export type Meaning = 'value' | 'reserved' | 'error' | 'not available'

/** The first raw number of each kind that is no value. */
export interface Limits {
  readonly reserved: number
  readonly error: number
  readonly notAvailable: number
}

/**
 * Where values end, by length in bits. Of whole bytes the uppermost decides: 0xFB to 0xFD are
 * reserved, 0xFE is an error, 0xFF "not available". Of 2 bits 10 and 11 are the latter two, and of
 * other lengths the two highest numbers.
 * @returns undefined for one bit, which has no room for it, and beyond 32 bits, where it is text
 */
export function limitsOf(bits: number): Limits | undefined {
  if (bits < 2 || bits > 32) return undefined
  if (bits % 8 === 0) {
    const unit = 2 ** (bits - 8)
    return { reserved: 0xfb * unit, error: 0xfe * unit, notAvailable: 0xff * unit }
  }
  const most = 2 ** bits - 1
  return { reserved: most - 1, error: most - 1, notAvailable: most }
}

/** The meaning of a raw number of so many bits. */
export function meaningOf(raw: number, bits: number): Meaning {
  const limits = limitsOf(bits)
  if (!limits || raw < limits.reserved) return 'value'
  if (raw < limits.error) return 'reserved'
  return raw < limits.notAvailable ? 'error' : 'not available'
}
