import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export type Answer = (
  request: IncomingMessage,
  response: ServerResponse,
  file: Buffer | undefined,
) => boolean | undefined

/** A web server over a folder of a repository, which a test may make lie: `answer` true is an answer. */
export class TestWeb {
  url = ''
  readonly requests: { path: string; range: string | undefined }[] = []
  answer: Answer = () => false
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async start(t: TestContext): Promise<this> {
    const sockets = new Set<Socket>()
    const server = createServer((request, response) => {
      void this.#serve(request, response)
    })
    server.on('connection', (socket) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    t.after(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    return this
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent(request.url!.slice(1))
    this.requests.push({ path, range: request.headers.range })
    const file = await readFile(join(this.#folder, path)).catch(() => undefined)
    if (this.answer(request, response, file)) return
    if (!file) {
      response.writeHead(404).end()
      return
    }
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    if (from >= file.length && from > 0) {
      response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end()
    } else if (from > 0) {
      const range = `bytes ${from}-${file.length - 1}/${file.length}`
      response.writeHead(206, { 'content-range': range }).end(file.subarray(from))
    } else {
      response.writeHead(200, { 'content-length': file.length }).end(file)
    }
  }
}
