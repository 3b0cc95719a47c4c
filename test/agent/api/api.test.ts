import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { Api, MAX_STREAMS, type Request, statusOf } from '../../../agent/api/api.ts'
import { LineQueue } from '../../../agent/api/line-queue.ts'
import { type Actor, operation } from '../../../agent/api/operation.ts'

const OPERATOR: Actor = { via: 'socket', who: 'uid 7', role: 'operate' }
const READER: Actor = { via: 'http', who: 'phone', role: 'read' }

function made(): { api: Api; told: Record<string, unknown>[]; signal: AbortSignal } {
  const told: Record<string, unknown>[] = []
  const api = new Api((content) => told.push(content))
  api.add(
    operation({
      method: 'GET',
      path: '/add',
      role: 'read',
      summary: 'add',
      query: z.strictObject({ a: z.coerce.number(), b: z.coerce.number().default(1) }),
      answer: ({ query }) => query.a + query.b,
    }),
    operation({
      method: 'POST',
      path: '/reset',
      role: 'operate',
      summary: 'reset the counter',
      body: z.strictObject({ to: z.number(), pin: z.string() }),
      recorded: ({ body }) => ({ to: body.to }),
      answer: ({ body }) => {
        if (body.to < 0) throw new Error('below zero')
        return { to: body.to }
      },
    }),
    operation({
      method: 'GET',
      path: '/stream',
      role: 'read',
      summary: 'stream',
      answer: ({ signal }) => new LineQueue<number>(signal, () => () => {}),
    }),
  )
  api.complete()
  return { api, told, signal: new AbortController().signal }
}

function get(path: string, signal: AbortSignal, more: Partial<Request> = {}): Request {
  const url = new URL(path, 'http://agent')
  return {
    method: 'GET',
    path: url.pathname,
    query: url.searchParams,
    signal,
    actor: OPERATOR,
    ...more,
  }
}

test('query and body are checked by the schemas of the operation', async () => {
  const { api, signal } = made()
  assert.equal(await api.call(get('/add?a=2', signal)), 3)
  const refusals = [
    get('/add', signal),
    get('/add?a=2&c=3', signal),
    get('/reset', signal, { method: 'POST', body: '{"to":"x","pin":"1"}' }),
    get('/reset', signal, { method: 'POST', body: 'no json' }),
  ]
  for (const request of refusals) {
    await assert.rejects(api.call(request), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'BAD_REQUEST')
      assert.equal(statusOf(error), 400)
      return true
    })
  }
  await assert.rejects(api.call(get('/nothing', signal)), { code: 'NO_SUCH_OPERATION' })
})

test('what changes something needs the role, and leaves a record of who and what', async () => {
  const { api, told, signal } = made()
  const reset = (to: number, actor: Actor) =>
    api.call(
      get('/reset', signal, { method: 'POST', body: JSON.stringify({ to, pin: 'S3CRET' }), actor }),
    )
  await assert.rejects(reset(1, READER), (error: Error & { code?: string }) => {
    assert.equal(statusOf(error), 403)
    return error.code === 'DENIED'
  })
  assert.deepEqual(told, [])
  await reset(4, OPERATOR)
  await assert.rejects(reset(-1, OPERATOR), /below zero/)
  assert.deepEqual(
    told.map(({ operation: what, who, phase, call }) => ({ what, who, phase, call })),
    [
      { what: 'POST /reset', who: 'uid 7', phase: 'begun', call: { to: 4 } },
      { what: 'POST /reset', who: 'uid 7', phase: 'done', call: { to: 4 } },
      { what: 'POST /reset', who: 'uid 7', phase: 'begun', call: { to: -1 } },
      { what: 'POST /reset', who: 'uid 7', phase: 'failed', call: { to: -1 } },
    ],
  )
  assert.ok(!JSON.stringify(told).includes('S3CRET'))
})

test('an operation that changes something cannot be a GET', () => {
  const { api } = made()
  const wrong = operation({
    method: 'GET',
    path: '/clear',
    role: 'operate',
    summary: 'clear',
    answer: () => 1,
  })
  assert.throws(() => api.add(wrong), /expected POST/)
})

test('streams have a bound over all doors, and give their place back', async () => {
  const { api } = made()
  const stops: AbortController[] = []
  const open: AsyncIterator<unknown>[] = []
  for (let i = 0; i < MAX_STREAMS; i++) {
    const stop = new AbortController()
    stops.push(stop)
    const lines = (await api.call(get('/stream', stop.signal))) as AsyncIterable<unknown>
    open.push(lines[Symbol.asyncIterator]())
  }
  const one = new AbortController()
  await assert.rejects(api.call(get('/stream', one.signal)), { code: 'BUSY' })
  const ended = open[0].next()
  stops[0].abort()
  assert.equal((await ended).done, true)
  assert.equal(api.streams, MAX_STREAMS - 1)
  await api.call(get('/stream', one.signal))
})

test('a reader who cannot follow loses lines and is told how many', async () => {
  const stop = new AbortController()
  let push: (line: number) => void = () => {}
  let watched = 0
  const queue = new LineQueue<number>(
    stop.signal,
    (self) => {
      watched++
      push = (line) => self.push(line)
      return () => watched--
    },
    3,
  )
  const lines = queue[Symbol.asyncIterator]()
  const first = lines.next()
  assert.equal(watched, 1)
  for (let i = 1; i <= 5; i++) push(i)
  const got = [(await first).value]
  for (let i = 0; i < 3; i++) got.push((await lines.next()).value)
  assert.deepEqual(got, [1, 2, 3, { lost: 2 }])
  push(6)
  assert.deepEqual((await lines.next()).value, 6)
  stop.abort()
  assert.equal((await lines.next()).done, true)
  assert.equal(watched, 0)
})
