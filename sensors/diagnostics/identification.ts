/** CloudEvents type of what an ECU says of itself: VIN, calibration. */
export const IDENTIFICATION_EVENT = 'milepost.identification.v1'

/** Printable ASCII of a field that is padded with zeros or blanks. */
export function plainText(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.filter((byte) => byte >= 0x20 && byte < 0x7f)).trim()
}
