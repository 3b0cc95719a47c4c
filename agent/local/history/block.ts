import { promisify } from 'node:util'
import { crc32, deflateRaw, inflateRaw } from 'node:zlib'
import { ByteReader, ByteWriter } from './bytes.ts'
import type { Series } from './chunk.ts'
import { readColumn, readTimes, writeColumn, writeTimes } from './columns.ts'

/**
 * A block stands for itself: magic, bytes of the body, checksum of all that follows, first and last
 * time, body. A torn or damaged one costs what is in it and nothing more.
 */
const MAGIC = Buffer.from('MPR1')
export const HEADER_BYTES = 28
/** No block is larger; a length beyond it is damage. */
export const MAX_BODY_BYTES = 8 << 20
/** What a body may grow to when it is unpacked. */
const MAX_RAW_BYTES = 64 << 20
/** Level of compression: the rest takes the time of the vehicle and saves little. */
const LEVEL = 4

const deflate = promisify(deflateRaw)
const inflate = promisify(inflateRaw)

/** Where a block stands in a segment, and what time it covers. */
export interface BlockHead {
  readonly bodyAt: number
  readonly bodyBytes: number
  readonly fromUs: number
  readonly toUs: number
}

/**
 * Packs series into one block. The numbers are laid out at once, compression leaves this thread.
 * @param out what they are laid into, not to be touched before the block is there
 */
export async function packBlock(
  series: readonly Series[],
  out = new ByteWriter(),
): Promise<Uint8Array> {
  out.clear()
  let fromUs = Number.POSITIVE_INFINITY
  let toUs = Number.NEGATIVE_INFINITY
  out.varint(series.length)
  for (const { name, unit, timeUs, last, min, max } of series) {
    for (const t of timeUs) {
      if (t < fromUs) fromUs = t
      if (t > toUs) toUs = t
    }
    out.text(name)
    out.text(unit)
    out.varint(timeUs.length)
    writeTimes(out, timeUs)
    const flat = last === min || last.every((value, i) => value === min[i] && value === max[i])
    out.byte(flat ? 1 : 3)
    writeColumn(out, last)
    if (flat) continue
    writeColumn(out, min)
    writeColumn(out, max)
  }
  const body = await deflate(out.bytes, { level: LEVEL })
  const block = Buffer.alloc(HEADER_BYTES + body.length)
  MAGIC.copy(block)
  block.writeUInt32LE(body.length, 4)
  block.writeDoubleLE(fromUs, 12)
  block.writeDoubleLE(toUs, 20)
  body.copy(block, HEADER_BYTES)
  block.writeUInt32LE(crc32(block.subarray(12)), 8)
  return block
}

/** The whole blocks of a segment; what is damaged between two is passed over and counted. */
export function findBlocks(segment: Buffer): { heads: BlockHead[]; damagedBytes: number } {
  const heads: BlockHead[] = []
  let damagedBytes = 0
  let at = 0
  while (at < segment.length) {
    const head = headAt(segment, at)
    if (head) {
      heads.push(head)
      at = head.bodyAt + head.bodyBytes
      continue
    }
    const next = segment.indexOf(MAGIC, at + 1)
    const end = next < 0 ? segment.length : next
    damagedBytes += end - at
    at = end
  }
  return { heads, damagedBytes }
}

function headAt(segment: Buffer, at: number): BlockHead | undefined {
  if (at + HEADER_BYTES > segment.length || !segment.subarray(at, at + 4).equals(MAGIC)) return
  const bodyBytes = segment.readUInt32LE(at + 4)
  const bodyAt = at + HEADER_BYTES
  if (bodyBytes > MAX_BODY_BYTES || bodyAt + bodyBytes > segment.length) return
  const sum = crc32(segment.subarray(at + 12, bodyAt + bodyBytes))
  if (sum !== segment.readUInt32LE(at + 8)) return
  return {
    bodyAt,
    bodyBytes,
    fromUs: segment.readDoubleLE(at + 12),
    toUs: segment.readDoubleLE(at + 20),
  }
}

/** The series of a block whose name is wanted. */
export async function unpackBlock(
  segment: Buffer,
  { bodyAt, bodyBytes }: BlockHead,
  wanted: (name: string) => boolean,
): Promise<Series[]> {
  const raw = await inflate(segment.subarray(bodyAt, bodyAt + bodyBytes), {
    maxOutputLength: MAX_RAW_BYTES,
  })
  const from = new ByteReader(raw)
  const series: Series[] = []
  for (let left = from.varint(); left > 0; left--) {
    const [name, unit, count] = [from.text(), from.text(), from.varint()]
    if (count > raw.length) throw new RangeError('more readings than bytes')
    const timeUs = readTimes(from, count)
    const columns = from.byte()
    const last = readColumn(from, count)
    const [min, max] =
      columns === 3 ? [readColumn(from, count), readColumn(from, count)] : [last, last]
    if (wanted(name)) series.push({ name, unit, timeUs, last, min, max })
  }
  return series
}
