import { setTimeout as sleep } from 'node:timers/promises'
import { Backoff } from '../../sync/backoff.ts'
import type { Complaint } from '../error.ts'
import type { Logger } from '../log.ts'
import type { Part, PartContext } from '../part.ts'
import type { Refusal } from './guard.ts'
import { makeServer, type WebServer } from './server.ts'
import { addressOf, type WebSettings } from './settings.ts'

const RETRY_FIRST_MS = 1_000
const RETRY_MAX_MS = 30_000

/** What `status` says of the page. */
export interface WebStatus {
  readonly state: 'listening' | 'waiting'
  /** Where a browser finds it. */
  readonly url: string
  readonly streams: number
  /** Requests that were refused since the start, by cause. */
  readonly refused: Partial<Record<Refusal, number>>
  readonly lastError?: Complaint
}

/** The page and the operations over HTTP, where the config has a section `web`. */
export async function webPart({ config, api, log }: PartContext): Promise<Part | undefined> {
  if (!config.web) return undefined
  const server = await makeServer(config.web, api, log)
  const listener = new Listener(server, config.web, log)
  return { name: 'web', status: () => listener.status(), stop: () => listener.stop() }
}

/** Listens as soon as the address is free: a port that is taken costs the page, not the bus. */
class Listener {
  readonly #server: WebServer
  readonly #web: WebSettings
  readonly #log: Logger
  readonly #stop = new AbortController()
  readonly #trying: Promise<void>
  #url = ''
  #lastError: Complaint | undefined

  constructor(server: WebServer, web: WebSettings, log: Logger) {
    this.#server = server
    this.#web = web
    this.#log = log
    this.#trying = this.#listen()
  }

  status(): WebStatus {
    return {
      state: this.#url ? 'listening' : 'waiting',
      url: this.#url || `${this.#web.tls ? 'https' : 'http'}://${this.#web.listen}/`,
      streams: this.#server.streams.open,
      refused: this.#server.refusals.status(),
      ...(this.#lastError ? { lastError: this.#lastError } : {}),
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#trying
    await this.#server.close()
  }

  async #listen(): Promise<void> {
    const { host, port } = addressOf(this.#web.listen)!
    const backoff = new Backoff(RETRY_FIRST_MS, RETRY_MAX_MS)
    const { signal } = this.#stop
    await this.#server.app.ready()
    while (!signal.aborted) {
      try {
        await bind(this.#server, host, port)
        const bound = this.#server.app.server.address() as { port: number }
        const shown = host.includes(':') ? `[${host}]` : host
        this.#url = `${this.#web.tls ? 'https' : 'http'}://${shown}:${bound.port}/`
        this.#lastError = undefined
        this.#log.info(`the page is at ${this.#url}`)
        return
      } catch (error) {
        const before = this.#lastError
        this.#lastError = complaintOf(error as NodeJS.ErrnoException, this.#web.listen)
        if (!before) this.#log.warn(this.#lastError, `no page: ${this.#lastError.message}`)
        await sleep(backoff.nextMs(), undefined, { signal }).catch(() => {})
      }
    }
  }
}

/** The bare server's own `listen`: fastify's may be called only once. */
function bind({ app: { server } }: WebServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function complaintOf({ code, message }: NodeJS.ErrnoException, listen: string): Complaint {
  const hints: Readonly<Record<string, string>> = {
    EADDRINUSE: `Another program has ${listen}: give web.listen another port; it is tried again.`,
    EADDRNOTAVAIL: `This machine has no such address now: check web.listen; it is tried again.`,
    EACCES: 'Ports below 1024 belong to root: give web.listen a higher one.',
  }
  return {
    code: code ?? 'INTERNAL',
    message,
    ...(hints[code ?? ''] ? { hint: hints[code ?? ''] } : {}),
  }
}
