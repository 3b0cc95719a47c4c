import type { FoundCode } from '../diagnostics/trouble-codes.ts'

/** The lamps of a DM1 or DM2, bits 8-7 down to 2-1 of its first byte (SAE J1939-73, 5.7.1). */
const LAMPS = ['malfunction', 'red stop', 'amber warning', 'protect'] as const

export interface DiagnosticMessage {
  /** Lamps that are on. */
  readonly lamps: readonly string[]
  readonly codes: readonly FoundCode[]
}

/**
 * Reads DM1 (active) or DM2 (previously active): two bytes of lamps, then four for each code
 * (SAE J1939-73, 5.7.1, 5.7.2). A code is suspect parameter and failure mode; its occurrences are
 * 127 where they are not known.
 * @returns undefined where the message is too short to be one
 */
export function parseDiagnostic(
  data: Uint8Array,
  status: 'active' | 'previously active',
): DiagnosticMessage | undefined {
  if (data.length < 6) return undefined
  const lamps = LAMPS.filter((_, i) => ((data[0] >> (6 - 2 * i)) & 3) === 1)
  const codes: FoundCode[] = []
  for (let at = 2; at + 4 <= data.length; at += 4) {
    const [low, middle, high, last] = data.subarray(at, at + 4)
    const spn = low | (middle << 8) | ((high >> 5) << 16)
    const fmi = high & 0x1f
    // All zero: no code; all ones: padding of a single frame.
    if ((spn === 0 && fmi === 0) || (spn === 0x7ffff && fmi === 0x1f)) continue
    const count = last & 0x7f
    const occurrences = count === 0x7f ? {} : { occurrences: count }
    // Bit 8 set: one of three older ways to order the SPN's bits, which cannot be told apart (5.7.1.7).
    const conversion = last & 0x80 ? { oldSpnConversion: true } : {}
    codes.push({
      code: `SPN ${spn} FMI ${fmi}`,
      status: [status],
      details: { spn, fmi, ...occurrences, ...conversion },
    })
  }
  return { lamps, codes }
}

/** Writes a DM1 or DM2, as a simulated ECU does; padded to a frame of 8 bytes. */
export function diagnosticBytes(
  codes: readonly { spn: number; fmi: number; occurrences: number }[],
  lamp: (typeof LAMPS)[number] = 'amber warning',
): Uint8Array {
  const on = codes.length > 0 ? 1 << (6 - 2 * LAMPS.indexOf(lamp)) : 0
  if (codes.length === 0) return Uint8Array.of(on, 0xff, 0, 0, 0, 0, 0xff, 0xff)
  const bytes = [on, 0xff]
  for (const { spn, fmi, occurrences } of codes)
    bytes.push(spn & 0xff, (spn >> 8) & 0xff, ((spn >> 16) << 5) | fmi, occurrences & 0x7f)
  while (bytes.length < 8) bytes.push(0xff)
  return Uint8Array.from(bytes)
}
