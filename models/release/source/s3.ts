import {
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3'
import { ReleaseError } from '../errors.ts'
import type { OpenOptions, ReleaseSource, SourceBytes } from '../source.ts'

export interface S3Place {
  readonly bucket: string
  /** Folder in the bucket, '' for none. */
  readonly prefix: string
}

/** `s3://bucket/folder` */
function parseS3Url(url: string): S3Place {
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)(?:\/(.*?))?\/*$/.exec(url) ?? []
  if (bucket) return { bucket, prefix: prefix === '' ? '' : `${prefix}/` }
  throw new ReleaseError('RELEASE_INPUT', `"${url}" is no place in S3`, {
    hint: 'Write s3://bucket or s3://bucket/folder.',
  })
}

/** A repository in an S3 bucket. Credentials and endpoint come as for every AWS tool, or by `config`. */
export class S3Source implements ReleaseSource {
  readonly name: string
  protected readonly client: S3Client
  protected readonly place: S3Place

  constructor(url: string, config: S3ClientConfig = {}) {
    this.place = parseS3Url(url)
    this.name = `s3://${this.place.bucket}/${this.place.prefix}`
    this.client = new S3Client({
      region: process.env.AWS_REGION ?? 'us-east-1',
      // Servers of one's own have no name for each bucket.
      forcePathStyle: config.endpoint !== undefined || process.env.AWS_ENDPOINT_URL !== undefined,
      // Not every server knows the newer checksums; what we read is hashed by us.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      ...config,
    })
  }

  async open(path: string, options: OpenOptions): Promise<SourceBytes> {
    const from = options.from ?? 0
    try {
      const answer = await this.client.send(
        new GetObjectCommand({
          ...this.object(path),
          Range: from > 0 ? `bytes=${from}-` : undefined,
        }),
        { abortSignal: options.signal },
      )
      const begins = Number(/^bytes (\d+)-/.exec(answer.ContentRange ?? '')?.[1] ?? 0)
      return { from: begins, bytes: this.#bytes(answer.Body as AsyncIterable<Uint8Array>) }
    } catch (error) {
      if (statusOf(error) === 416 && from > 0) return this.open(path, { signal: options.signal })
      throw this.named(path, error, options.signal)
    }
  }

  async *#bytes(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* body
    } catch (error) {
      throw this.named('', error, undefined)
    }
  }

  async close(): Promise<void> {
    this.client.destroy()
  }

  protected object(path: string) {
    return { Bucket: this.place.bucket, Key: this.place.prefix + path }
  }

  protected named(path: string, error: unknown, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted) return signal.reason
    if (error instanceof ReleaseError) return error
    const { name, message, code } = error as Error & { code?: string }
    const status = statusOf(error)
    if (status === 404 && name !== 'NoSuchBucket') {
      return new ReleaseError('RELEASE_MISSING', `${this.name}${path} is not there`, {
        cause: error,
        hint: 'Is the repository published to this place, and to its end?',
      })
    }
    const isDenied = status === 403 || name === 'CredentialsProviderError'
    const said = message || code || name
    return new ReleaseError('RELEASE_SOURCE', `${this.name}${path}: ${said}`, {
      cause: error,
      hint: isDenied
        ? 'Give credentials that may do this, by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or a profile.'
        : 'Is there a network, and is the endpoint right (AWS_ENDPOINT_URL for a server of your own)?',
    })
  }
}

/** The same bucket for who publishes. */
export class S3Store extends S3Source {
  async has(path: string): Promise<number | undefined> {
    try {
      const { ContentLength } = await this.client.send(new HeadObjectCommand(this.object(path)))
      return ContentLength
    } catch (error) {
      if (statusOf(error) === 404) return undefined
      throw this.named(path, error, undefined)
    }
  }

  async put(path: string, bytes: Uint8Array, options: { ifAbsent?: boolean } = {}) {
    // Versioned files are never written twice; not every server can compare and write in one step.
    if (options.ifAbsent && (await this.has(path)) !== undefined) return false
    try {
      await this.client.send(
        new PutObjectCommand({
          ...this.object(path),
          Body: bytes,
          ContentLength: bytes.length,
          ContentType: path.endsWith('.json') ? 'application/json' : 'application/octet-stream',
          // A cache on the way must not hold a timestamp back.
          CacheControl: path.endsWith('timestamp.json') ? 'no-cache' : undefined,
        }),
      )
      return true
    } catch (error) {
      throw this.named(path, error, undefined)
    }
  }
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode
}
