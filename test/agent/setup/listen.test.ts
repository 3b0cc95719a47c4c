import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { listen } from '../../../agent/setup/listen.ts'
import { ReadingBatch } from '../../../sensors/reading.ts'

const MS = 300

test('what a device said while this process stood still is heard, though its time is over', async (t) => {
  const speak = "setInterval(() => require('node:worker_threads').parentPort.postMessage(0), 50)"
  const device = new Worker(speak, { eval: true })
  t.after(() => device.terminate())
  await once(device, 'message')
  const sensor = {
    run: async (context: { readings(batch: ReadingBatch): void }, signal: AbortSignal) => {
      const batch = new ReadingBatch(1)
      batch.push(0, 1, 1)
      device.on('message', () => context.readings(batch))
      // Behind what is read in this turn, and in front of the timers of the next.
      setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * MS))
      await once(signal, 'abort')
    },
  }
  const heard = await listen(
    sensor,
    MS,
    new AbortController().signal,
    ({ readings }) => readings > 0,
  )
  assert.ok(heard.readings > 0)
})
