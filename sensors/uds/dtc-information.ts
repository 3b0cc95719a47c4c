import { codeText, type FoundCode } from '../diagnostics/trouble-codes.ts'

/** Service ReadDTCInformation (ISO 14229-1, 12.3). */
export const READ_DTC = 0x19
export const COUNT_BY_MASK = 0x01
export const LIST_BY_MASK = 0x02
export const SNAPSHOT = 0x04
export const EXTENDED_DATA = 0x06
/** All records of a code. */
export const ALL_RECORDS = 0xff

/** Words for the bits of a status byte, from bit 0 (ISO 14229-1, D.2). */
const STATUS_WORDS = [
  'testFailed',
  'testFailedThisCycle',
  'pending',
  'confirmed',
  'testNotCompletedSinceClear',
  'testFailedSinceClear',
  'testNotCompletedThisCycle',
  'warningIndicator',
] as const

/** A code of three bytes and its status byte. */
export interface UdsCode extends FoundCode {
  readonly bytes: readonly [number, number, number]
}

/** The set bits of a status byte as words. */
export function statusWords(status: number): string[] {
  return STATUS_WORDS.filter((_, bit) => (status >> bit) & 1)
}

/** `P0301-16`; the last byte is the type of failure (SAE J2012-DA), left out where it is 0. */
function udsCodeText(high: number, middle: number, low: number): string {
  const type = low === 0 ? '' : `-${low.toString(16).toUpperCase().padStart(2, '0')}`
  return codeText(high, middle) + type
}

/**
 * How many codes match (0x19 01).
 * @param data behind the service identifier; undefined where it is too short
 */
export function parseCount(data: Uint8Array): { mask: number; count: number } | undefined {
  if (data.length < 5 || data[0] !== COUNT_BY_MASK) return undefined
  return { mask: data[1], count: data[3] * 256 + data[4] }
}

/**
 * The codes that match (0x19 02): four bytes each. What is left over at the end is cut off.
 * @param data behind the service identifier
 */
export function parseList(data: Uint8Array): UdsCode[] | undefined {
  if (data.length < 2 || data[0] !== LIST_BY_MASK) return undefined
  const codes: UdsCode[] = []
  for (let at = 2; at + 4 <= data.length; at += 4) codes.push(codeAt(data, at))
  return codes
}

function codeAt(data: Uint8Array, at: number): UdsCode {
  const [high, middle, low, status] = data.subarray(at, at + 4)
  return {
    code: udsCodeText(high, middle, low),
    bytes: [high, middle, low],
    status: statusWords(status),
    details: { statusByte: status },
  }
}

/**
 * Snapshot records of a code (0x19 04): each a number, how many identifiers, and each identifier with
 * its data. How long the data is, no message says: `lengthOf` knows, and where it does not, the rest
 * of the answer is given as it is.
 * @param data behind the service identifier
 * @returns data by `record.identifier` in hexadecimal
 */
export function parseSnapshots(
  data: Uint8Array,
  lengthOf: (identifier: number) => number | undefined,
): { fields: Map<number, Uint8Array>; rest: Uint8Array } | undefined {
  if (data.length < 5 || data[0] !== SNAPSHOT) return undefined
  const fields = new Map<number, Uint8Array>()
  let at = 5
  while (at + 2 <= data.length) {
    const started = at
    const identifiers = data[at + 1]
    at += 2
    for (let i = 0; i < identifiers; i++) {
      const identifier = at + 2 <= data.length ? data[at] * 256 + data[at + 1] : -1
      const length = lengthOf(identifier)
      if (length === undefined || at + 2 + length > data.length)
        return { fields, rest: data.slice(i === 0 ? started : at) }
      fields.set(identifier, data.slice(at + 2, at + 2 + length))
      at += 2 + length
    }
  }
  return { fields, rest: data.slice(at) }
}

/**
 * Extended data of a code (0x19 06), a record after the other; what is in them is the maker's own.
 * @param data behind the service identifier
 */
export function parseExtended(data: Uint8Array): Uint8Array | undefined {
  return data.length >= 5 && data[0] === EXTENDED_DATA ? data.slice(5) : undefined
}
