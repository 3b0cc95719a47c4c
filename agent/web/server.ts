import { readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import rateLimit from '@fastify/rate-limit'
import fastify, { type FastifyInstance } from 'fastify'
import type { Api } from '../api/api.ts'
import type { Logger } from '../log.ts'
import { boundConnections } from './connections.ts'
import { isOurHost, isOurOrigin } from './guard.ts'
import { addHeaders } from './headers.ts'
import { LIMITS } from './limits.ts'
import { OpenStreams } from './open-streams.ts'
import { PAGE_DIR, servePage } from './pages.ts'
import { Refusals } from './refusals.ts'
import { refuse } from './refuse.ts'
import { isOperation, serveApi } from './serve-api.ts'
import type { WebSettings } from './settings.ts'
import { Tokens } from './tokens.ts'

/** Refused by the parser or by fastify before any handler: each to its cause. */
const CAUSES: Readonly<Record<string, 'body' | 'malformed' | 'rate' | undefined>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body',
  FST_ERR_RATE_LIMIT: 'rate',
}

/** The HTTP server of the page and of the operations: who may ask, how much, and how long. */
export interface WebServer {
  readonly app: FastifyInstance
  readonly streams: OpenStreams
  readonly refusals: Refusals
  /** Ends every stream and connection. */
  close(): Promise<void>
}

/** Makes a server that does not listen yet. Throws where a token or a certificate cannot be read. */
export async function makeServer(
  web: WebSettings,
  api: Pick<Api, 'call'>,
  log: Logger,
  pageDir = PAGE_DIR,
): Promise<WebServer> {
  const tokens = new Tokens(web.tokens, log)
  const refusals = new Refusals(log)
  const streams = new OpenStreams(web.maxStreams, web.maxStreamsPerClient)
  const stopped = new AbortController()
  const app = bareServer(web, refusals)
  refuseStrangers(app, web, refusals)
  await addHeaders(app, web.tls !== undefined)
  await app.register(rateLimit, {
    max: web.maxRequestsPer10Sec,
    timeWindow: 10_000,
    cache: LIMITS.maxCallers,
    errorResponseBuilder: () =>
      Object.assign(new Error(), { code: 'FST_ERR_RATE_LIMIT', statusCode: 429 }),
  })
  refuseErrors(app, refusals, log)
  serveApi(app, { api, tokens, streams, refusals, stopped: stopped.signal })
  await servePage(app, pageDir)
  return {
    app,
    streams,
    refusals,
    close: async () => {
      stopped.abort()
      await app.close()
    },
  }
}

/** A server with all its bounds, and nothing served. */
function bareServer(web: WebSettings, refusals: Refusals): FastifyInstance {
  const app = fastify({
    ...(web.tls
      ? {
          https: {
            cert: readFileSync(web.tls.cert),
            key: readFileSync(web.tls.key),
            minVersion: 'TLSv1.2',
            handshakeTimeout: LIMITS.headersTimeoutMs,
            maxHeaderSize: LIMITS.maxHeaderBytes,
            connectionsCheckingInterval: LIMITS.checkEveryMs,
          },
        }
      : {
          http: {
            maxHeaderSize: LIMITS.maxHeaderBytes,
            connectionsCheckingInterval: LIMITS.checkEveryMs,
          },
        }),
    logger: false,
    trustProxy: false,
    bodyLimit: LIMITS.maxBodyBytes,
    connectionTimeout: LIMITS.idleTimeoutMs,
    requestTimeout: LIMITS.requestTimeoutMs,
    keepAliveTimeout: LIMITS.keepAliveTimeoutMs,
    maxRequestsPerSocket: LIMITS.maxRequestsPerSocket,
    forceCloseConnections: true,
    frameworkErrors: (_, request, reply) => {
      refusals.count('malformed', request.ip)
      refuse(reply, 'malformed')
    },
    clientErrorHandler: (error, socket) => {
      const slow = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      refusals.count(slow ? 'slow' : 'malformed', socket.remoteAddress)
      if (socket.writable) {
        socket.end(
          `HTTP/1.1 ${slow ? '408 Request Timeout' : '400 Bad Request'}\r\nconnection: close\r\n\r\n`,
        )
      }
      socket.destroySoon()
    },
  }) as unknown as FastifyInstance
  app.server.headersTimeout = LIMITS.headersTimeoutMs
  boundConnections(app.server as Server, refusals)
  return app
}

/** Before anything is read: who was called by another's name, sent by another's page, or asks for no path. */
function refuseStrangers(app: FastifyInstance, web: WebSettings, refusals: Refusals): void {
  const secure = web.tls !== undefined
  app.addHook('onRequest', async (request, reply) => {
    const { headers, raw } = request
    const origins = {
      host: headers.host,
      origin: headers.origin,
      site: headers['sec-fetch-site'] as string | undefined,
      localAddress: raw.socket.localAddress ?? '',
      secure,
    }
    const url = raw.url ?? ''
    const cause = !isOurHost(origins, web.hosts)
      ? 'host'
      : !isOurOrigin(origins, isNavigation(headers, url))
        ? 'origin'
        : isClimbing(url)
          ? 'path'
          : undefined
    if (!cause) return
    refusals.count(cause, request.ip)
    return refuse(reply, cause)
  })
}

function refuseErrors(app: FastifyInstance, refusals: Refusals, log: Logger): void {
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, (request, reply) => {
    refusals.count('path', request.ip)
    return refuse(reply, 'path', 404)
  })
  app.setErrorHandler<Error & { code?: string; statusCode?: number }>((error, request, reply) => {
    const { statusCode = 500 } = error
    const cause = CAUSES[error.code ?? ''] ?? 'malformed'
    if (statusCode >= 500) log.error({ err: error }, 'web: a request failed')
    else refusals.count(cause, request.ip)
    return refuse(reply, cause, statusCode)
  })
}

/** A link from elsewhere may lead to the page: the browser's own tab then shows it, and no page reads it. */
function isNavigation(headers: Readonly<Record<string, unknown>>, url: string): boolean {
  return headers['sec-fetch-mode'] === 'navigate' && !isOperation(url.split('?', 1)[0])
}

/** True for what no page or operation is called: steps up, empty steps, backslashes, control characters, excess. */
function isClimbing(url: string): boolean {
  if (url.length > LIMITS.maxPathChars) return true
  const path = url.split('?', 1)[0]
  try {
    const plain = decodeURIComponent(path)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    return /(^|\/)\.\.?(\/|$)|\/\/|[\\\u0000-\u001f]|%(2e|2f|5c|00)/i.test(plain)
  } catch {
    return true
  }
}
