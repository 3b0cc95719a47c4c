import { chmodSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { stopUnder } from '../../sensors/wait.ts'
import type { Api } from '../api/api.ts'
import { writeAnswer, writeError } from '../api/write-answer.ts'
import { AgentError } from '../error.ts'
import { isAnswering } from './client.ts'
import { peerOf } from './peer.ts'

const REQUEST_TIMEOUT_MS = 5_000
const MAX_CONNECTIONS = 48
/** Largest body of a request. */
const MAX_BODY_BYTES = 1 << 20

/** HTTP over a Unix socket; who may open the file may do everything. */
export class ControlServer {
  readonly #server: Server
  readonly #path: string
  readonly #closing: AbortController

  private constructor(server: Server, path: string, closing: AbortController) {
    this.#server = server
    this.#path = path
    this.#closing = closing
  }

  /** Listens at `path`. Throws `AGENT_RUNNING` where another agent answers there already. */
  static async listen(path: string, api: Api): Promise<ControlServer> {
    if (await isAnswering(path)) {
      throw new AgentError('AGENT_RUNNING', `An agent is running already on ${path}.`, {
        hint: 'Stop it first, or give this one another dataDir.',
      })
    }
    rmSync(path, { force: true })
    const closing = new AbortController()
    const server = createServer((request, response) => {
      answer(api, request, response, closing.signal).catch((error) => writeError(response, error))
    })
    server.requestTimeout = REQUEST_TIMEOUT_MS
    server.headersTimeout = REQUEST_TIMEOUT_MS
    server.maxConnections = MAX_CONNECTIONS
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(path, resolve)
    })
    chmodSync(path, 0o660)
    return new ControlServer(server, path, closing)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
    rmSync(this.#path, { force: true })
  }
}

async function answer(
  api: Api,
  request: IncomingMessage,
  response: ServerResponse,
  closing: AbortSignal,
): Promise<void> {
  const gone = stopUnder(closing)
  response.once('close', () => gone.abort())
  const body = await bodyOf(request)
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://agent')
  const answered = await api.call({
    method: request.method ?? 'GET',
    path: pathname,
    query: searchParams,
    body,
    signal: gone.signal,
    actor: { via: 'socket', role: 'operate', who: whoOf(request) },
  })
  await writeAnswer(response, answered)
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) {
      throw new AgentError('BAD_REQUEST', `A body has at most ${MAX_BODY_BYTES} bytes.`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** The user at the other end, as the kernel knows it; asked only where it will be recorded. */
function whoOf({ method, socket }: IncomingMessage): string {
  const uid = method === 'POST' ? peerOf(socket) : undefined
  return uid === undefined ? 'control socket' : `uid ${uid}`
}
