import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LIMITS } from '../../../agent/web/limits.ts'
import { OPERATOR, READER, raw, served, tokenFiles } from './served.ts'

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

test('metrics, health and readiness answer where they are usually looked for, to the same callers', async (t) => {
  const { port, ask, url } = await served(t, { tokens: tokenFiles(t) })
  const headers = { authorization: `Bearer ${READER}` }
  for (const path of ['/metrics', '/healthz', '/readyz']) {
    assert.equal((await ask(path)).status, 401, path)
    // No part has added them here: what answers is the door of the operations.
    assert.equal((await ask(path, { headers })).body.code, 'NO_SUCH_OPERATION', path)
    const followed = 'Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n'
    const lines = `Host: ${url.slice(7)}\r\n${followed}Connection: close\r\n\r\n`
    assert.match(await raw(port, `GET ${path}?x HTTP/1.1\r\n${lines}`), /^HTTP\/1\.1 403/, path)
  }
  assert.equal((await ask('/metrics', { method: 'POST', headers })).status, 404)
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
