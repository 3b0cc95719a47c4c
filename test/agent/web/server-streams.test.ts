import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { until } from '../../support/until.ts'
import { served } from './served.ts'

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
  const { server, port, opened, flow } = await served(t)
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.write(`GET /api/flow?size=100000 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
  socket.pause()
  await until('the stream', () => opened.length === 1)
  // An operation that nobody held back would make an event in every few milliseconds.
  await until('the operation to be asked for no more', async () => {
    const before = flow.made
    await new Promise((resolve) => setTimeout(resolve, 300))
    return before > 0 && flow.made === before
  })
  assert.equal(server.streams.open, 1)
  // The kernel's buffers of both sides hold some megabytes.
  assert.ok(flow.made * 100_000 < 16e6, `${flow.made} events were made for a reader of none`)
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
