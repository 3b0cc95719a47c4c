import { ReleaseError } from '../errors.ts'
import type { OpenOptions, ReleaseSource, SourceBytes } from '../source.ts'

/** Answers that say that there is no such file: web servers over buckets say 403 for it. */
const MISSING = new Set([403, 404, 410])
const NOT_SATISFIABLE = 416

export interface HttpSourceOptions {
  /** Sent with each request, as a token for a private server. */
  readonly headers?: Readonly<Record<string, string>>
}

/** A repository on a web server, by the built-in fetch. */
export class HttpSource implements ReleaseSource {
  readonly name: string
  readonly #base: string
  readonly #headers: Record<string, string>

  /** @param url of the repository; user and password in it become an Authorization header */
  constructor(url: string, options: HttpSourceOptions = {}) {
    const parsed = new URL(url.endsWith('/') ? url : `${url}/`)
    // A range of compressed bytes would be of no use.
    this.#headers = { 'accept-encoding': 'identity', ...options.headers }
    if (parsed.username !== '') {
      const user = `${decodeURIComponent(parsed.username)}:${decodeURIComponent(parsed.password)}`
      this.#headers.authorization = `Basic ${Buffer.from(user).toString('base64')}`
    }
    parsed.username = ''
    parsed.password = ''
    parsed.search = ''
    parsed.hash = ''
    this.#base = parsed.href
    this.name = parsed.href
  }

  async open(path: string, options: OpenOptions): Promise<SourceBytes> {
    const from = options.from ?? 0
    const response = await this.#get(path, from, options.signal)
    const bytes = bytesOf(response)
    if (response.status === 200) return { from: 0, bytes }
    const begins = Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1])
    if (response.status === 206 && from > 0 && begins === from) return { from, bytes }
    await response.body?.cancel()
    if (MISSING.has(response.status)) {
      throw new ReleaseError('RELEASE_MISSING', `${this.#base}${path} is not there`, {
        hint: 'Is the repository published to this place, and to its end?',
      })
    }
    // A range that is none, or another than was asked for: the whole file then.
    if ((response.status === 206 || response.status === NOT_SATISFIABLE) && from > 0) {
      return this.open(path, { signal: options.signal })
    }
    throw new ReleaseError('RELEASE_SOURCE', `${this.#base}${path} answers ${response.status}`, {
      hint:
        response.status === 401
          ? 'The server wants a user: put it into the URL, as https://user:password@host/…'
          : 'Try later; if it stays so, look at the server.',
    })
  }

  async #get(path: string, from: number, signal: AbortSignal): Promise<Response> {
    const headers = from > 0 ? { ...this.#headers, range: `bytes=${from}-` } : this.#headers
    try {
      return await fetch(`${this.#base}${path}`, { headers, signal })
    } catch (error) {
      throw unreachable(this.name, error, signal)
    }
  }

  async close(): Promise<void> {}
}

async function* bytesOf(response: Response): AsyncGenerator<Uint8Array> {
  if (!response.body) return
  try {
    for await (const chunk of response.body) yield chunk
  } catch (error) {
    throw unreachable(response.url, error, undefined)
  }
}

function unreachable(name: string, error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return signal.reason
  const { message, cause } = error as Error
  const because = cause instanceof Error ? cause.message || cause.name : message
  return new ReleaseError('RELEASE_SOURCE', `${name}: ${because}`, {
    cause: error,
    hint: 'Is there a network, and is the address right? It is tried again; what runs goes on.',
  })
}
