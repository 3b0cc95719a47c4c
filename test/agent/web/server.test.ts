import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { z } from 'zod'
import { Api } from '../../../agent/api/api.ts'
import { operation } from '../../../agent/api/operation.ts'
import { makeLogger } from '../../../agent/log.ts'
import { LIMITS } from '../../../agent/web/limits.ts'
import { makeServer } from '../../../agent/web/server.ts'
import { webSettings } from '../../../agent/web/settings.ts'
import { tempDir } from '../../support/cli.ts'
import { until } from '../../support/until.ts'

const READER = 'reader-0123456789'
const OPERATOR = 'operator-0123456789'

/** The real server over real operations: one that looks, one that changes, one that streams, one that fails. */
async function served(t: TestContext, settings: Record<string, unknown> = {}) {
  const told: Record<string, unknown>[] = []
  const opened: AbortSignal[] = []
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
  return { server, port, url, ask, told, opened }
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

/** What comes back for these very bytes, until the other side closes. */
function raw(port: number, text: string): Promise<string> {
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

function tokenFiles(t: TestContext) {
  const dir = tempDir(t)
  const write = (name: string, text: string) => {
    writeFileSync(join(dir, name), `${text}\n`, { mode: 0o600 })
    return { file: join(dir, name) }
  }
  return { read: write('read', READER), operate: write('operate', OPERATOR) }
}

test('operations answer under /api: parameters, errors with their hint and status', async (t) => {
  const { ask } = await served(t)
  const look = await ask('/api/look?at=here')
  assert.equal(look.status, 200)
  assert.deepEqual(look.body, { at: 'here', who: 'reader at 127.0.0.1', via: 'http' })
  assert.equal(look.headers.get('cache-control'), 'no-store')
  assert.equal((await ask('/api/look?no=1')).body.code, 'BAD_REQUEST')
  const none = await ask('/api/nothing')
  assert.deepEqual([none.status, none.body.code], [404, 'NO_SUCH_OPERATION'])
  assert.ok(none.body.hint)
  const fails = await ask('/api/fails')
  assert.equal(fails.status, 500)
  assert.ok(!fails.text.includes('server.test.ts'), 'no stack goes out')
  assert.equal((await ask('/api/look', { method: 'DELETE' })).status, 404)
})

test('every answer has the headers that keep a page to itself', async (t) => {
  const { ask } = await served(t)
  for (const path of ['/', '/api/look', '/nothing', '/api/nothing']) {
    const { headers } = await ask(path)
    const policy = headers.get('content-security-policy') ?? ''
    assert.match(policy, /default-src 'none'/, path)
    assert.match(policy, /script-src 'self';/, path)
    assert.match(policy, /frame-ancestors 'none'/, path)
    assert.doesNotMatch(policy, /unsafe|http|data:|\*/, path)
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path)
    assert.equal(headers.get('x-frame-options'), 'DENY', path)
    assert.equal(headers.get('referrer-policy'), 'no-referrer', path)
    assert.equal(headers.get('cross-origin-resource-policy'), 'same-origin', path)
    assert.match(headers.get('permissions-policy') ?? '', /geolocation=\(\)/, path)
    assert.equal(headers.get('access-control-allow-origin'), null, path)
  }
})

test('another name, another site and a climbing path are refused and counted', async (t) => {
  const { server, port, ask } = await served(t)
  const get = (path: string, lines: string) =>
    raw(port, `GET ${path} HTTP/1.1\r\n${lines}Connection: close\r\n\r\n`)
  const own = `Host: 127.0.0.1:${port}\r\n`
  assert.match(await get('/api/look', own), /^HTTP\/1\.1 200/)
  assert.match(await get('/api/look', 'Host: evil.example\r\n'), /^HTTP\/1\.1 421[\s\S]*WRONG_HOST/)
  assert.match(await get('/api/look', ''), /^HTTP\/1\.1 400/)
  const evil = `${own}Origin: http://evil.example\r\n`
  assert.match(await get('/api/look', evil), /^HTTP\/1\.1 403[\s\S]*WRONG_ORIGIN/)
  assert.match(await get('/api/look', `${own}Sec-Fetch-Site: cross-site\r\n`), /^HTTP\/1\.1 403/)
  const followed = `${own}Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n`
  assert.doesNotMatch(await get('/', followed), /^HTTP\/1\.1 403/)
  assert.match(await get('/api/look', followed), /^HTTP\/1\.1 403/)
  const climbing = [
    '/../../../etc/passwd',
    '/..%2f..%2f..%2fetc%2fpasswd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/assets/../../../../package.json',
    '/assets/..%5c..%5cpackage.json',
    '/%252e%252e/%252e%252e/etc/passwd',
    '/.git/config',
    '/assets/%00.js',
    '/%c0%ae%c0%ae/etc/passwd',
    '//etc/passwd',
    '/%zz',
    '/api/../package.json',
  ]
  for (const path of climbing) {
    const answer = await get(path, own)
    assert.match(answer, /^HTTP\/1\.1 40[04]/, path)
    assert.doesNotMatch(answer, /root:|"dependencies"|\[core\]/, path)
  }
  assert.equal((await ask(`/api/look?at=${'x'.repeat(LIMITS.maxPathChars)}`)).status, 400)
  const { host = 0, origin = 0, path = 0 } = server.refusals.status()
  assert.ok(host >= 1 && origin >= 3 && path >= 5, JSON.stringify(server.refusals.status()))
})

test('tokens: without one nothing is told, a reader looks, an operator changes and leaves a record', async (t) => {
  const { server, ask, told } = await served(t, { tokens: tokenFiles(t) })
  const by = (token: string) => ({ authorization: `Bearer ${token}` })
  const change = (headers: Record<string, string>) =>
    ask('/api/change', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: '{"to":3}',
    })
  const none = await ask('/api/look')
  assert.equal(none.status, 401)
  assert.match(none.headers.get('www-authenticate') ?? '', /^Bearer/)
  assert.equal((await ask('/api/look', { headers: by('wrong-0123456789') })).status, 401)
  assert.equal((await change({})).status, 401)
  assert.equal((await ask('/api/look', { headers: by(READER) })).status, 200)
  const reader = await change(by(READER))
  assert.deepEqual([reader.status, reader.body.code], [403, 'DENIED'])
  assert.equal(told.length, 0)
  assert.deepEqual((await change(by(OPERATOR))).body, { changed: 3 })
  assert.equal(told.length, 2)
  for (const record of told) {
    assert.equal(record.operation, 'POST /change')
    assert.equal(record.who, 'operator at 127.0.0.1')
    assert.ok(!JSON.stringify(record).includes(OPERATOR))
  }
  assert.equal(server.refusals.status().token, 3)
  assert.equal(server.refusals.status().role, 1)
  // The page itself tells nothing of the vehicle.
  assert.notEqual((await ask('/')).status, 401)
})

test('bodies: too large, of another type or no JSON, each refused before any operation', async (t) => {
  const { ask, told } = await served(t, { tokens: tokenFiles(t) })
  const post = (type: string, body: string) =>
    ask('/api/change', {
      method: 'POST',
      headers: { 'content-type': type, authorization: `Bearer ${OPERATOR}` },
      body,
    })
  assert.equal((await post('application/json', '{'.padEnd(LIMITS.maxBodyBytes + 1))).status, 413)
  assert.equal((await post('text/plain', '{"to":1}')).status, 415)
  assert.equal((await post('application/x-www-form-urlencoded', 'to=1')).status, 415)
  assert.equal((await post('application/json', '{"to":')).status, 400)
  assert.equal((await post('application/json', '{"to":"1"}')).status, 400)
  assert.equal((await post('application/json', '{"to":1,"__proto__":{"x":1}}')).status, 400)
  assert.ok(told.every(({ phase }) => phase !== 'done'))
})

test('one caller’s requests are bounded, those for nothing as well', async (t) => {
  const { server, ask } = await served(t, { maxRequestsPer10Sec: 10 })
  const statuses: number[] = []
  for (let i = 0; i < 15; i++) statuses.push((await ask('/api/look')).status)
  assert.deepEqual([statuses[0], statuses.at(-1)], [200, 429])
  const more = await Promise.all(Array.from({ length: 15 }, () => ask('/nothing')))
  assert.ok(more.some(({ status }) => status === 429))
  assert.ok((server.refusals.status().rate ?? 0) >= 5)
})

test('streams are events, end with their caller, and are bounded', async (t) => {
  const { server, url, ask, opened } = await served(t, { maxStreams: 3, maxStreamsPerClient: 2 })
  const short = await ask('/api/flow?lines=3')
  assert.match(short.headers.get('content-type') ?? '', /^text\/event-stream/)
  assert.deepEqual(
    short.text
      .trim()
      .split('\n\n')
      .map((event) => JSON.parse(event.slice(6)).n),
    [0, 1, 2],
  )
  const gone = new AbortController()
  const two = await Promise.all([1, 2].map(() => fetch(`${url}/api/flow`, { signal: gone.signal })))
  assert.deepEqual(
    two.map(({ status }) => status),
    [200, 200],
  )
  const third = await ask('/api/flow')
  assert.deepEqual([third.status, third.body.code], [503, 'BUSY'])
  assert.equal(server.streams.open, 2)
  gone.abort()
  await until('the streams to end with their readers', () => server.streams.open === 0)
  await until('the operations to be told', () => opened.every(({ aborted }) => aborted))
  assert.equal((await ask('/api/flow?lines=1')).status, 200)
})

test('a reader that takes nothing holds no more than the buffers of its connection', async (t) => {
  const { server, port, opened } = await served(t)
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.write(`GET /api/flow?size=100000 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
  socket.pause()
  await until('the stream', () => opened.length === 1)
  const held = await until('the stream to wait for its reader', async () => {
    const before = socket.bytesRead
    await new Promise((resolve) => setTimeout(resolve, 300))
    return server.streams.open === 1 && socket.bytesRead === before && process.memoryUsage().rss
  })
  await new Promise((resolve) => setTimeout(resolve, 500))
  // It would have made 10 MB more in that time.
  assert.ok(process.memoryUsage().rss - held < 8e6)
  socket.destroy()
  await until('the stream to end', () => server.streams.open === 0)
})

test('a server that closes ends its streams', async (t) => {
  const { server, url } = await served(t)
  const response = await fetch(`${url}/api/flow`)
  const ended = response.text().catch(() => 'ended')
  await server.close()
  await ended
  await until('the stream to be let go', () => server.streams.open === 0)
  await assert.rejects(fetch(`${url}/api/look`))
})
