import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import * as abi from '../../../sensors/can/abi.ts'
import type { FromReceiveWorker } from '../../../sensors/can/receive-worker.ts'
import { FrameRing } from '../../../sensors/can/ring.ts'
import { startReceiver } from '../../../sensors/can/start-receiver.ts'
import { FrameBatch } from '../../../sensors/frame.ts'
import { pair, put } from './sockets.ts'

function start(t: TestContext, fd: number, frames: number) {
  const ring = FrameRing.create(frames)
  const worker = startReceiver({ fd, ring: ring.buffer, coalesceMs: 1 })
  const told: FromReceiveWorker[] = []
  worker.on('message', (message) => told.push(message))
  const exited = once(worker, 'exit')
  t.after(async () => {
    ring.stop()
    await exited
  })
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await once(worker, 'message')
  }
  return { ring, worker, told, exited, until }
}

test('the thread reads more than its ring holds, in order, and ends when told', async (t) => {
  const [receive, send] = pair(t)
  const { ring, told, exited, until } = start(t, receive, 16)
  await until(() => told.some((message) => message.kind === 'ready'))
  const batch = new FrameBatch(16)
  const ids: number[] = []
  let sent = 0
  while (ids.length < 100) {
    // The ring holds 16 and a datagram socket 10 (unix(7), max_dgram_qlen): with more on the way, the
    // send would wait for the thread, and the thread for us to take something.
    for (const upTo = Math.min(100, ids.length + 24); sent < upTo; sent++) put(send, 16, sent, 8)
    while (ring.waiting() > 0) {
      ring.take(batch)
      ids.push(...batch.id.subarray(0, batch.count))
    }
    const woken = told.length
    if (ids.length < sent && ring.sleep()) await until(() => told.length > woken)
  }
  assert.deepEqual(
    ids,
    Array.from({ length: 100 }, (_, i) => i),
  )
  ring.stop()
  assert.deepEqual(await exited, [0])
})

test('a socket that cannot be read any more is told of by its error', async (t) => {
  const { told, exited } = start(t, 999_999, 16)
  assert.deepEqual(await exited, [0])
  const EBADF = 9
  assert.deepEqual(told, [{ kind: 'ready' }, { kind: 'failed', errno: EBADF }])
  assert.equal(abi.errorName(EBADF), 'EBADF')
})
