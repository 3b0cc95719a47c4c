import type { CompressionTypes } from 'kafkajs'
import { kafkajs } from './fence.ts'

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

const TYPES: Record<Compression, CompressionTypes> = {
  none: kafkajs.CompressionTypes.None,
  gzip: kafkajs.CompressionTypes.GZIP,
  snappy: kafkajs.CompressionTypes.Snappy,
  lz4: kafkajs.CompressionTypes.LZ4,
  zstd: kafkajs.CompressionTypes.ZSTD,
}

/** Makes a codec ready and answers its number. */
export async function loadCodec(compression: Compression): Promise<CompressionTypes> {
  return TYPES[compression]
}
