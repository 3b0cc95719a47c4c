import { chmodSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { AgentError, complaintOf } from '../error.ts'
import { isAnswering } from './client.ts'

/** What can be asked of a running agent: a method and path to the function that answers. */
export type Routes = Readonly<Record<string, (() => unknown) | undefined>>

const REQUEST_TIMEOUT_MS = 5_000
const MAX_CONNECTIONS = 32

/** HTTP over a Unix socket; who may open the file may ask. */
export class ControlServer {
  readonly #server: Server
  readonly #path: string

  private constructor(server: Server, path: string) {
    this.#server = server
    this.#path = path
  }

  /** Listens at `path`. Throws `AGENT_RUNNING` where another agent answers there already. */
  static async listen(path: string, routes: Routes): Promise<ControlServer> {
    if (await isAnswering(path)) {
      throw new AgentError('AGENT_RUNNING', `An agent is running already on ${path}.`, {
        hint: 'Stop it first, or give this one another dataDir.',
      })
    }
    rmSync(path, { force: true })
    const server = createServer((request, response) => {
      answer(routes, request, response).catch(() => response.destroy())
    })
    server.requestTimeout = REQUEST_TIMEOUT_MS
    server.maxConnections = MAX_CONNECTIONS
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(path, resolve)
    })
    chmodSync(path, 0o660)
    return new ControlServer(server, path)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
    rmSync(this.#path, { force: true })
  }
}

async function answer(
  routes: Routes,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const route = routes[`${request.method} ${request.url}`]
  request.resume()
  try {
    send(response, route ? 200 : 404, route ? await route() : { code: 'NO_SUCH_ROUTE' })
  } catch (error) {
    send(response, 500, complaintOf(error))
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(`${JSON.stringify(body ?? {})}\n`)
}
