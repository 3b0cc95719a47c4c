import { DbcError } from './dbc-error.ts'

/** Largest DBC file that is read; the largest seen in the wild, J1939 digital annexes, take 5 MB. */
const MAX_DBC_BYTES = 64 * 1024 * 1024

/** Windows-1252, bytes 0x80 to 0x9f (unicode.org, CP1252.TXT); undefined ones map to themselves. */
const CP1252_HIGH = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ'

/**
 * Text of a DBC file. The format names no encoding: CANdb++ writes Windows-1252, other tools UTF-8.
 * Bytes that are valid UTF-8 are taken as UTF-8, since text in Windows-1252 practically never is.
 */
export function dbcText(bytes: Uint8Array, file: string): string {
  if (bytes.length > MAX_DBC_BYTES) {
    throw new DbcError(
      'DBC_INVALID',
      file,
      1,
      `the file has ${bytes.length} bytes, more than the ${MAX_DBC_BYTES} that are read`,
      'Check that this is a DBC file; split it if it is one.',
    )
  }
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw new DbcError(
      'DBC_SYNTAX',
      file,
      1,
      'the file is in UTF-16',
      'Save it as UTF-8 or Windows-1252.',
    )
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    // Not TextDecoder('windows-1252'): some Node.js releases decode it as Latin-1.
    const latin1 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
    return latin1.replace(/[\x80-\x9f]/g, (char) => CP1252_HIGH[char.charCodeAt(0) - 0x80])
  }
}
