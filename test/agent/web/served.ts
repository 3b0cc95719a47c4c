import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { z } from 'zod'
import { Api } from '../../../agent/api/api.ts'
import { operation } from '../../../agent/api/operation.ts'
import { makeLogger } from '../../../agent/log.ts'
import { makeServer } from '../../../agent/web/server.ts'
import { webSettings } from '../../../agent/web/settings.ts'
import { tempDir } from '../../support/temp-dir.ts'

export const READER = 'reader-0123456789'
export const OPERATOR = 'operator-0123456789'

/** The real server over real operations: one that looks, one that changes, one that streams, one that fails. */
export async function served(t: TestContext, settings: Record<string, unknown> = {}) {
  const told: Record<string, unknown>[] = []
  const opened: AbortSignal[] = []
  const flow = { made: 0 }
  const api = new Api((content) => told.push(content))
  api.add(
    operation({
      method: 'GET',
      path: '/look',
      role: 'read',
      summary: 'look',
      query: z.strictObject({ at: z.string().optional() }),
      answer: ({ query, actor }) => ({ ...query, who: actor.who, via: actor.via }),
    }),
    operation({
      method: 'POST',
      path: '/change',
      role: 'operate',
      summary: 'change something',
      body: z.strictObject({ to: z.number() }),
      answer: ({ body }) => ({ changed: body.to }),
    }),
    operation({
      method: 'GET',
      path: '/flow',
      role: 'read',
      summary: 'stream',
      query: z.strictObject({
        size: z.coerce.number().default(1),
        lines: z.coerce.number().default(1e9),
      }),
      async *answer({
        query,
        signal,
      }: {
        query: { size: number; lines: number }
        signal: AbortSignal
      }) {
        opened.push(signal)
        for (let n = 0; n < query.lines && !signal.aborted; n++) {
          flow.made++
          yield { n, text: 'x'.repeat(query.size) }
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
      },
    }),
    operation({
      method: 'GET',
      path: '/fails',
      role: 'read',
      summary: 'fail',
      answer: () => {
        throw new RangeError('a fault of ours')
      },
    }),
  )
  api.complete()
  const server = await makeServer(webSettings.parse(settings), api, makeLogger('silent'))
  t.after(() => server.close())
  await server.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = server.app.server.address() as { port: number }
  const url = `http://127.0.0.1:${port}`
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(url + path, init)
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, body: parsed(text) }
  }
  return { server, port, url, ask, told, opened, flow }
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

/** What comes back for these very bytes, until the other side closes. */
export function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    let answer = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      answer += chunk
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
  })
}

/** What `web.tokens` takes: files with a token of each role. */
export function tokenFiles(t: TestContext) {
  const dir = tempDir(t)
  const write = (name: string, text: string) => {
    writeFileSync(join(dir, name), `${text}\n`, { mode: 0o600 })
    return { file: join(dir, name) }
  }
  return { read: write('read', READER), operate: write('operate', OPERATOR) }
}
