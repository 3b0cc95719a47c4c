import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { internal } from '../../../sync/kafka/fence.ts'

const require = createRequire(import.meta.url)

test('kafkajs is pinned to the version that the fence was read against', () => {
  const manifest = new URL('../../../package.json', import.meta.url)
  const { dependencies } = JSON.parse(readFileSync(manifest, 'utf8'))
  const { version } = require('kafkajs/package.json')
  const fence = readFileSync(new URL('../../../sync/kafka/internal.ts', import.meta.url), 'utf8')
  assert.match(fence, new RegExp(`FENCED_VERSION = '${version.replaceAll('.', '\\.')}'`))
  assert.match(dependencies.kafkajs, /^\^?2\.2\.4$/)
})

interface Queue {
  pending: unknown[]
  throttledUntil: number
  throttleCheckTimeoutId: unknown
  scheduleCheckPendingRequests(): void
  destroy(): void
}

test('an idle request queue sets no timer; one that waits sets one, not negative', (t) => {
  const RequestQueue = internal<new (options: object) => Queue>('network/requestQueue')
  const logger = { debug() {}, warn() {}, error() {}, info() {} }
  const queue = new RequestQueue({ requestTimeout: 1_000, logger, clientId: 'x', broker: 'x' })
  const waits: unknown[] = []
  t.mock.method(globalThis, 'setTimeout', (_: unknown, ms: unknown) => {
    waits.push(ms)
    return {} as never
  })
  queue.scheduleCheckPendingRequests()
  assert.deepEqual(waits, [])
  queue.pending.push({})
  queue.scheduleCheckPendingRequests()
  queue.scheduleCheckPendingRequests()
  assert.deepEqual(waits, [10])
})

test('messages of a request are grouped by partition, each in its order', () => {
  const group = internal<
    (args: object) => Record<string, readonly { partition: number; n: number }[]>
  >('producer/groupMessagesPerPartition')
  const messages = Array.from({ length: 20_000 }, (_, n) => ({ partition: (n * 7) % 3, n }))
  const partitioner = ({ message }: { message: { partition: number } }) => message.partition
  const groups = group({ topic: 't', partitionMetadata: [{}, {}, {}], messages, partitioner })
  for (const partition of [0, 1, 2]) {
    assert.deepEqual(
      groups[partition],
      messages.filter((message) => message.partition === partition),
    )
  }
  assert.deepEqual(group({ topic: 't', partitionMetadata: [], messages, partitioner }), {})
})
