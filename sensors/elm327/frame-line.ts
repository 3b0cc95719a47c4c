/** A frame as the adapter prints it. */
export interface PrintedFrame {
  readonly id: number
  readonly data: Uint8Array
}

const STANDARD_DIGITS = 3
const EXTENDED_DIGITS = 8
const MAX_BYTES = 8

/**
 * Reads a line of hexadecimal digits, printed with headers on (`ATH1`) and formatting off (`ATCAF0`);
 * spaces between them do not matter. A serial line that lost a few characters makes a shorter frame of a
 * frame, so the length (`ATD1`) is checked wherever the adapter prints it.
 * @param hasLength a digit for the number of bytes stands after the identifier
 * @returns undefined where it is no such line
 */
export function parseFrameLine(
  line: string,
  ext: boolean,
  hasLength: boolean,
): PrintedFrame | undefined {
  const text = line.includes(' ') ? line.replaceAll(' ', '') : line
  if (!/^[0-9A-F]+$/.test(text)) return undefined
  const idDigits = ext ? EXTENDED_DIGITS : STANDARD_DIGITS
  const id = Number.parseInt(text.slice(0, idDigits), 16)
  if (text.length < idDigits || id > (ext ? 0x1fff_ffff : 0x7ff)) return undefined
  const at = idDigits + (hasLength ? 1 : 0)
  const digits = text.length - at
  if (digits < 0 || digits % 2 !== 0 || digits / 2 > MAX_BYTES) return undefined
  if (hasLength && Number.parseInt(text[idDigits], 16) !== digits / 2) return undefined
  return { id, data: Uint8Array.from(Buffer.from(text.slice(at), 'hex')) }
}
