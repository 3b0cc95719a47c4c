import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeptThread } from '../../sync/kept-thread.ts'
import { until } from './support.ts'

/** As long as a thread needs to start, or no longer: both are told of. */
const BUSY_MS = 1_500

type Echo = { readonly kind: 'echo'; readonly word: string }

function mortal(data = '') {
  const spec = { module: 'mortal-worker', beside: import.meta.url, name: 'mortal', data }
  return new KeptThread<string, Echo, string>(spec)
}

function watched(thread: KeptThread<string, Echo, string>) {
  const seen = { words: [] as string[], deaths: [] as string[], lives: [] as string[] }
  thread.listen({
    received: ({ word }) => seen.words.push(word),
    died: ({ message }) => seen.deaths.push(message),
    again: (status) => seen.lives.push(status),
  })
  return seen
}

test('a thread that ends by itself is started again; what is posted meanwhile is lost', async () => {
  const thread = mortal()
  assert.equal(await thread.started, 'well')
  const seen = watched(thread)
  for (const [n, word] of ['die', 'throw'].entries()) {
    thread.post(word)
    await until('the death', () => seen.deaths.length === n + 1)
    assert.equal(thread.alive, false)
    thread.post('lost')
    await until('the next life', () => seen.lives.length === n + 1)
    thread.post(`life ${n}`)
    await until('an answer', () => seen.words.length === n + 1)
  }
  assert.deepEqual(seen.words, ['life 0', 'life 1'])
  assert.match(seen.deaths[0], /the mortal thread ended with code 3/)
  assert.match(seen.deaths[1], /a fault of mine/)
  assert.equal(await thread.close('end', 30_000), 'ended well')
  assert.equal(seen.deaths.length, 2)
})

test('a first start that is refused is told with its code; nothing is started again', async () => {
  await assert.rejects(mortal('refuse').started, { code: 'OUTBOX_LOCKED', message: 'not today' })
})

test('who listens before the start gets a refused one as a death, and it is tried again', async () => {
  const thread = mortal('refuse')
  const seen = watched(thread)
  await until('two tries', () => seen.deaths.length === 2)
  assert.deepEqual(seen.deaths, ['not today', 'not today'])
  await thread.close('end', 30_000)
  assert.deepEqual(seen.lives, [])
})

test('a thread may be closed before it has started, and between two lives', async () => {
  const early = mortal()
  watched(early)
  assert.equal(await early.close('end', 30_000), 'ended well')
  const dead = mortal()
  await dead.started
  const seen = watched(dead)
  dead.post('die')
  await until('the death', () => seen.deaths.length === 1)
  assert.equal(await dead.close('end', 30_000), undefined)
  assert.deepEqual(seen.lives, [])
})

test('what a thread says and how it ends is not lost on one who was busy meanwhile', async () => {
  // It starts, answers and dies before this thread looks; all of it is then told in one go.
  const thread = mortal()
  const seen = watched(thread)
  thread.post('first')
  thread.post('die')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_MS)
  await until('the death', () => seen.deaths.length === 1)
  assert.deepEqual(seen.words, ['first'])
  await thread.close('end', 30_000)
})

test('a thread that does not end when it is asked to is ended', async () => {
  const thread = mortal()
  await thread.started
  const seen = watched(thread)
  assert.equal(await thread.close('go on', 20), undefined)
  assert.equal(seen.deaths.length, 0)
})
