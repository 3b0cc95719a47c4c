import type { ReleaseSource } from '../source.ts'
import { FolderSource } from './folder.ts'
import { HttpSource, type HttpSourceOptions } from './http.ts'

/**
 * Opens a repository by its address: `https://…` or `http://…`, `s3://bucket/folder`, else a folder.
 * The S3 client is only loaded for S3.
 */
export async function openSource(
  address: string,
  options: HttpSourceOptions = {},
): Promise<ReleaseSource> {
  if (/^https?:\/\//.test(address)) return new HttpSource(address, options)
  if (address.startsWith('s3://')) return new (await import('./s3.ts')).S3Source(address)
  return new FolderSource(address.replace(/^file:\/\//, ''))
}
