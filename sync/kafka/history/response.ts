import { AbortedFilter, type AbortedTransaction } from '../aborted.ts'
import { internal } from '../fence.ts'
import type { BatchFrame } from './batch.ts'
import { Reader } from './bytes.ts'

/** A partition's part of a fetch response, its batches not yet looked into. */
export interface FetchedPartition {
  readonly partition: number
  readonly errorCode: number
  readonly logStartOffset: number
  readonly aborted: readonly AbortedTransaction[]
  readonly records: Buffer
}

/** A record batch as it lies in the response; `frame` uncompresses it. */
export interface RawBatch {
  readonly lastOffset: number
  /** False for control batches and for data of aborted transactions. */
  readonly committed: boolean
  readonly frame: () => Promise<BatchFrame>
}

/** Response to fetch request version 11 (kafka.apache.org/protocol, "Fetch API"). */
export function decodeFetchResponse(payload: Buffer): {
  errorCode: number
  partitions: FetchedPartition[]
} {
  const reader = new Reader(payload)
  reader.int32() // throttle time
  const errorCode = reader.int16()
  reader.int32() // session id
  const partitions: FetchedPartition[] = []
  for (let topics = reader.int32(); topics > 0; topics--) {
    reader.string()
    for (let left = reader.int32(); left > 0; left--) partitions.push(decodePartition(reader))
  }
  return { errorCode, partitions }
}

function decodePartition(reader: Reader): FetchedPartition {
  const partition = reader.int32()
  const errorCode = reader.int16()
  reader.int64() // high watermark
  reader.int64() // last stable offset
  const logStartOffset = Number(reader.int64())
  const aborted: AbortedTransaction[] = []
  for (let left = reader.int32(); left > 0; left--) {
    aborted.push({ producerId: reader.int64(), firstOffset: reader.int64() })
  }
  reader.int32() // preferred read replica
  const records = reader.bytes(Math.max(0, reader.int32()))
  return { partition, errorCode, logStartOffset, aborted, records }
}

/** Byte places inside a record batch (KIP-98, "Message Format"). */
const LENGTH_AT = 8
const MAGIC_AT = 16
const ATTRIBUTES_AT = 21
const LAST_OFFSET_DELTA_AT = 23
const BASE_TIMESTAMP_AT = 27
const MAX_TIMESTAMP_AT = 35
const PRODUCER_ID_AT = 43
const COUNT_AT = 57
const RECORDS_AT = 61
/** Base offset and length, which the length does not count. */
const FRAME_BYTES = 12

const MAGIC = 2
const CODEC_MASK = 0x07
const LOG_APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20

interface Codec {
  decompress(buffer: Buffer): Promise<Buffer>
}
const { lookupCodecByAttributes } = internal<{
  lookupCodecByAttributes(attributes: number): Codec | null
}>('protocol/message/compression')

/** The batches of a fetched partition in order; a last one that was cut off is left out. */
export function rawBatches({ records, aborted }: FetchedPartition): RawBatch[] {
  const batches: RawBatch[] = []
  const filter = new AbortedFilter(aborted)
  for (let at = 0; records.length - at >= RECORDS_AT; ) {
    const end = at + FRAME_BYTES + records.readInt32BE(at + LENGTH_AT)
    if (end > records.length) break
    if (end < at + RECORDS_AT) throw new RangeError('A record batch is shorter than its header')
    batches.push(rawBatch(records.subarray(at, end), filter))
    at = end
  }
  return batches
}

function rawBatch(bytes: Buffer, filter: AbortedFilter): RawBatch {
  const magic = bytes.readInt8(MAGIC_AT)
  if (magic !== MAGIC) throw new RangeError(`Record batches of version ${magic} are not supported`)
  const attributes = bytes.readInt16BE(ATTRIBUTES_AT)
  const producerId = bytes.readBigInt64BE(PRODUCER_ID_AT)
  const baseOffset = bytes.readBigInt64BE(0)
  const lastOffset = baseOffset + BigInt(bytes.readInt32BE(LAST_OFFSET_DELTA_AT))
  const control = (attributes & CONTROL) !== 0
  if (control) filter.end(producerId, lastOffset)
  const aborted = (attributes & TRANSACTIONAL) !== 0 && filter.isAborted(producerId, lastOffset)
  return {
    lastOffset: Number(lastOffset),
    committed: !control && !aborted,
    frame: async () => {
      const codec = attributes & CODEC_MASK ? lookupCodecByAttributes(attributes) : null
      const records = bytes.subarray(RECORDS_AT)
      return {
        baseOffset: Number(baseOffset),
        baseTimestampMs: Number(bytes.readBigInt64BE(BASE_TIMESTAMP_AT)),
        maxTimestampMs: Number(bytes.readBigInt64BE(MAX_TIMESTAMP_AT)),
        logAppendTime: (attributes & LOG_APPEND_TIME) !== 0,
        count: bytes.readInt32BE(COUNT_AT),
        records: codec ? await codec.decompress(records) : records,
      }
    },
  }
}
