import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { stopUnder } from '../../sensors/wait.ts'
import type { Actor, Api } from '../api/api.ts'
import { isStream } from '../api/content.ts'
import { writeAnswer, writeError } from '../api/write-answer.ts'
import { AgentError } from '../error.ts'
import type { OpenStreams } from './open-streams.ts'
import type { Refusals } from './refusals.ts'
import { ANSWERS, refuse } from './refuse.ts'
import { sendEvents } from './send-stream.ts'
import type { Tokens } from './tokens.ts'

const PREFIX = '/api'
/** Where Prometheus and whoever keeps a process running look unless told otherwise: there as well. */
const USUAL_PLACES: readonly string[] = ['/metrics', '/healthz', '/readyz']

/** True where a path is an operation's and no file of the page. */
export function isOperation(path: string): boolean {
  return path.startsWith(PREFIX) || USUAL_PLACES.includes(path)
}

/** Every operation of the agent under `/api`, streams as server-sent events. */
export function serveApi(
  app: FastifyInstance,
  parts: {
    api: Pick<Api, 'call'>
    tokens: Tokens
    streams: OpenStreams
    refusals: Refusals
    stopped: AbortSignal
  },
): void {
  const { api, tokens, streams, refusals, stopped } = parts
  app.removeAllContentTypeParsers()
  // Text: the operation's own schema decides what it means.
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_, body, done) => {
    done(null, body)
  })
  const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const allowed = tokens.allowed(request.headers.authorization)
    if (allowed === 'nothing') {
      refusals.count('token', request.ip)
      return refuse(reply, 'token')
    }
    const actor: Actor = {
      via: 'http',
      who: `${allowed === 'operate' ? 'operator' : 'reader'} at ${request.ip}`,
      role: allowed,
    }
    await answer(request, reply, actor)
    return reply
  }
  app.route({ method: ['GET', 'POST'], url: `${PREFIX}/*`, exposeHeadRoute: false, handler })
  for (const url of USUAL_PLACES) app.route({ method: 'GET', url, exposeHeadRoute: false, handler })

  async function answer(request: FastifyRequest, reply: FastifyReply, actor: Actor): Promise<void> {
    const { raw } = reply
    const gone = stopUnder(stopped)
    raw.once('close', () => gone.abort())
    const { pathname, searchParams } = new URL(request.raw.url ?? '/', 'http://agent')
    // What fastify would send is ours to send from here on.
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) raw.setHeader(name, value)
    }
    reply.hijack()
    raw.setHeader('cache-control', 'no-store')
    let leave: (() => void) | undefined
    try {
      const found = await api.call({
        method: request.method,
        path: USUAL_PLACES.includes(pathname) ? pathname : pathname.slice(PREFIX.length),
        query: searchParams,
        body: typeof request.body === 'string' ? request.body : undefined,
        signal: gone.signal,
        actor,
      })
      if (!isStream(found)) return await writeAnswer(raw, found)
      leave = streams.enter(request.ip)
      if (!leave) {
        await found[Symbol.asyncIterator]().return?.()
        refusals.count('streams', request.ip)
        return writeError(raw, new AgentError('BUSY', ANSWERS.streams.message, ANSWERS.streams))
      }
      if (await sendEvents(raw, found)) refusals.count('slow', request.ip)
    } catch (error) {
      if ((error as { code?: unknown }).code === 'DENIED') refusals.count('role', request.ip)
      writeError(raw, error)
    } finally {
      leave?.()
      gone.abort()
    }
  }
}
