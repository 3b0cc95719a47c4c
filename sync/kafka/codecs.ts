import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import type { CompressionTypes } from 'kafkajs'
import { SyncError } from '../errors.ts'
import { kafkajs } from './fence.ts'

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** What kafkajs asks of a codec: it hands in its encoder, or the bytes of a batch. */
interface Codec {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>
  decompress(buffer: Buffer): Promise<Buffer>
}

const { CompressionTypes: Types, CompressionCodecs } = kafkajs
const codecs = CompressionCodecs as Record<number, () => Codec>

/** kafkajs brings gzip; the others are optional packages, loaded when first used. */
const LOADERS: Partial<Record<Compression, [package_: string, load: () => Promise<Codec>]>> = {
  snappy: ['snappy', loadSnappy],
  lz4: ['lz4-napi', loadLz4],
  zstd: ['@hpcc-js/wasm-zstd', loadZstd],
}

const TYPES: Record<Compression, CompressionTypes> = {
  none: Types.None,
  gzip: Types.GZIP,
  snappy: Types.Snappy,
  lz4: Types.LZ4,
  zstd: Types.ZSTD,
}

const loaded = new Set<Compression>(['none', 'gzip'])

/** Makes a codec ready and answers its number. Throws where its package is not installed. */
export async function loadCodec(compression: Compression): Promise<CompressionTypes> {
  const type = TYPES[compression]
  const loader = LOADERS[compression]
  if (loaded.has(compression) || !loader) return type
  try {
    const codec = await loader[1]()
    codecs[type] = () => codec
    loaded.add(compression)
    return type
  } catch (cause) {
    throw missing(compression, cause)
  }
}

/** For readers, who cannot choose: what is missing only fails where a batch needs it. */
export async function loadAllCodecs(): Promise<void> {
  for (const compression of Object.keys(LOADERS) as Compression[]) {
    await loadCodec(compression).catch((error: SyncError) => {
      codecs[TYPES[compression]] = () => {
        throw error
      }
    })
  }
}

/** Not `UPLINK_REJECTED`: no record is to blame. */
function missing(compression: Compression, cause: unknown): SyncError {
  const name = LOADERS[compression]![0]
  return new SyncError('CODEC_MISSING', `The codec for ${compression} cannot be loaded`, {
    cause,
    hint: `Install it (npm install ${name}), or use gzip, which needs no package.`,
  })
}

/** Before the blocks of snappy-java, which Java's clients write; each block has its length before it. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const XERIAL_HEADER_BYTES = 16

async function loadSnappy(): Promise<Codec> {
  const { compress, uncompress } = await import('snappy')
  const raw = async (bytes: Buffer) => (await uncompress(bytes, { asBuffer: true })) as Buffer
  return {
    compress: async ({ buffer }) => (await compress(buffer)) as Buffer,
    async decompress(buffer) {
      if (!buffer.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return raw(buffer)
      const blocks: Buffer[] = []
      for (let at = XERIAL_HEADER_BYTES; at < buffer.length; ) {
        const bytes = buffer.readInt32BE(at)
        blocks.push(await raw(buffer.subarray(at + 4, at + 4 + bytes)))
        at += 4 + bytes
      }
      return Buffer.concat(blocks)
    },
  }
}

async function loadLz4(): Promise<Codec> {
  // Kafka wants the frame format (KIP-57), not bare blocks.
  const { compressFrame, decompressFrame } = await import('lz4-napi')
  return {
    compress: ({ buffer }) => compressFrame(buffer),
    decompress: (buffer) => decompressFrame(buffer),
  }
}

type NodeZstd = Record<
  'zstdCompress' | 'zstdDecompress',
  (buffer: Buffer, done: (error: Error | null, result: Buffer) => void) => void
>

async function loadZstd(): Promise<Codec> {
  // Node.js 22.15 and newer bring it along.
  if ('zstdCompress' in zlib) {
    const { zstdCompress, zstdDecompress } = zlib as unknown as NodeZstd
    const compress = promisify(zstdCompress)
    return { compress: ({ buffer }) => compress(buffer), decompress: promisify(zstdDecompress) }
  }
  const { Zstd } = await import('@hpcc-js/wasm-zstd')
  const zstd = await Zstd.load()
  return {
    compress: async ({ buffer }) => Buffer.from(zstd.compress(buffer)),
    decompress: async (buffer) => Buffer.from(zstd.decompress(buffer)),
  }
}
