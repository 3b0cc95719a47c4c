import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Batch, BatchWriter } from '../../sync/batch.ts'
import { Latencies } from '../../sync/latencies.ts'
import type { LedgerEntry } from '../../sync/ledger.ts'
import { Parts } from '../../sync/parts.ts'
import { record } from './support.ts'

const writer = new BatchWriter()
const LOSS: LedgerEntry = { cause: 'queue_full', lane: 'events', count: 3 }

function batchOf(sizes: readonly number[], losses: readonly LedgerEntry[] = []): Batch {
  for (const size of sizes) writer.add(record('telemetry', 'x'.repeat(size)))
  return writer.take(losses)
}

const sizesOf = (parts: Parts, maxBytes: number) =>
  parts.first(maxBytes).map(({ records }) => records.map(({ payload }) => payload.length))

test('a batch is split where it does not fit one transaction, and is done with its last part', () => {
  const parts = new Parts(100)
  const batch = batchOf([60, 40, 50, 150, 10], [LOSS])
  parts.add(batch)
  assert.deepEqual(sizesOf(parts, 1000), [[60, 40], [50], [150], [10]])
  assert.deepEqual(
    parts.first(1000).map(({ losses }) => losses.length),
    [0, 0, 0, 1],
  )
  assert.equal(parts.kept(3), undefined)
  const done = parts.kept(1)
  assert.equal(done?.lastId, batch.id)
  assert.deepEqual(done?.buffers, [{ columns: batch.columns, payloads: batch.payloads }])
  assert.ok(parts.empty)
})

test('a transaction takes what fits it, and always one part, however large', () => {
  const parts = new Parts(100)
  parts.add(batchOf([90]))
  parts.add(batchOf([10]))
  parts.add(batchOf([1]))
  assert.deepEqual(sizesOf(parts, 100), [[90], [10]])
  assert.deepEqual(sizesOf(parts, 5), [[90]])
  assert.deepEqual(sizesOf(new Parts(100), 5), [])
})

test('several batches kept at once are told by the last, with the buffers of all', () => {
  const parts = new Parts(100)
  const batches = [batchOf([1]), batchOf([2]), batchOf([3])]
  for (const batch of batches) parts.add(batch)
  const done = parts.kept(2)
  assert.equal(done?.lastId, batches[1].id)
  assert.equal(done?.buffers.length, 2)
  assert.deepEqual(sizesOf(parts, 100), [[3]])
})

test('what is refused is counted beside the losses that it carried, and its batch is still told', () => {
  const parts = new Parts(100)
  const batch = batchOf([1, 1], [LOSS])
  parts.add(batch)
  parts.add(batchOf([7]))
  parts.refuse(1)
  const [part] = parts.first(0)
  assert.equal(part.records.length, 0)
  assert.deepEqual(part.losses, [LOSS, { cause: 'invalid', lane: 'telemetry', count: 2 }])
  assert.equal(parts.kept(1)?.lastId, batch.id)
  assert.deepEqual(sizesOf(parts, 100), [[7]])
})

test('latencies are those of the last transactions only', () => {
  const latencies = new Latencies()
  assert.deepEqual(latencies.quantiles(), { p50: 0, p99: 0 })
  latencies.add(1_000_000)
  for (let ms = 1; ms <= 512; ms++) latencies.add(ms)
  assert.deepEqual(latencies.quantiles(), { p50: 257, p99: 507 })
})
