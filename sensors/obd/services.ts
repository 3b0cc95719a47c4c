import { plainText } from '../diagnostics/identification.ts'
import { codeText, type FoundCode } from '../diagnostics/trouble-codes.ts'

/** Services of SAE J1979 (ISO 15031-5). */
export const CURRENT_DATA = 0x01
export const FREEZE_FRAME = 0x02
export const STORED_CODES = 0x03
export const CLEAR_CODES = 0x04
export const PENDING_CODES = 0x07
export const VEHICLE_INFORMATION = 0x09
export const PERMANENT_CODES = 0x0a

/** Everybody listens to these; answers come from 0x7E8 to 0x7EF, or 0x18DAF1xx (ISO 15765-4). */
export const FUNCTIONAL_ID = 0x7df
export const FUNCTIONAL_ID_EXT = 0x18db33f1
export const FIRST_ANSWER_ID = 0x7e8

/** Numbers that a bit mask of 32 says are there: bit 31 stands for `base + 1` (annex A). */
export function supported(base: number, mask: Uint8Array): number[] {
  const found: number[] = []
  for (let i = 0; i < 32; i++) {
    if ((mask[i >> 3] >> (7 - (i & 7))) & 1) found.push(base + 1 + i)
  }
  return found
}

/** The four bytes that say which of the numbers behind `base` are there. */
export function supportMask(base: number, numbers: Iterable<number>): Uint8Array {
  const mask = new Uint8Array(4)
  for (const number of numbers) {
    const i = number - base - 1
    if (i >= 0 && i < 32) mask[i >> 3] |= 0x80 >> (i & 7)
  }
  return mask
}

const CODE_STATUS = new Map([
  [STORED_CODES, 'stored'],
  [PENDING_CODES, 'pending'],
  [PERMANENT_CODES, 'permanent'],
])

/**
 * The trouble codes of services 03, 07 and 0A over CAN: how many, then two bytes each.
 * @param data behind the service identifier
 */
export function parseCodes(service: number, data: Uint8Array): FoundCode[] {
  const status = CODE_STATUS.get(service)
  const codes: FoundCode[] = []
  const count = Math.min(data[0] ?? 0, (data.length - 1) >> 1)
  for (let i = 0; i < count; i++) {
    const [high, low] = data.subarray(1 + 2 * i)
    // Padding, not a code.
    if (high === 0 && low === 0) continue
    codes.push({ code: codeText(high, low), status: status ? [status] : [] })
  }
  return codes
}

/** Text items of service 09: their type, name, and whether they are text or hexadecimal. */
export const INFORMATION: readonly { type: number; name: string; form: 'text' | 'hex' }[] = [
  { type: 0x02, name: 'vin', form: 'text' },
  { type: 0x04, name: 'calibrationIds', form: 'text' },
  { type: 0x06, name: 'calibrationNumbers', form: 'hex' },
  { type: 0x0a, name: 'ecuName', form: 'text' },
]

const ITEM_BYTES = new Map([
  [0x02, 17],
  [0x04, 16],
  [0x06, 4],
  [0x0a, 20],
])

/**
 * Items of a service 09 answer over CAN: the type, how many, then as many of fixed size.
 * @param data behind the service identifier
 */
export function parseInformation(type: number, form: 'text' | 'hex', data: Uint8Array): string[] {
  const size = ITEM_BYTES.get(type) ?? 4
  const count = Math.min(data[1] ?? 0, Math.floor((data.length - 2) / size))
  return Array.from({ length: Math.max(0, count) }, (_, i) => {
    const bytes = data.subarray(2 + i * size, 2 + (i + 1) * size)
    return form === 'hex' ? Buffer.from(bytes).toString('hex').toUpperCase() : plainText(bytes)
  }).filter((item) => item !== '')
}
