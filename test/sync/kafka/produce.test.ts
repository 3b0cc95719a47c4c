import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { internal } from '../../../sync/kafka/internal.ts'
import { encodeProduce, type ProduceArgs } from '../../../sync/kafka/produce.ts'

// The request of version 3 is not replaced: kafkajs's own encoder, byte for byte the oracle.
const oracle = internal<(args: ProduceArgs) => { encode(): Promise<{ buffer: Buffer }> }>(
  'protocol/requests/produce/v3/request',
)

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
const text = fc.oneof(fc.string({ maxLength: 80 }), fc.string({ unit: 'grapheme', maxLength: 80 }))
const value = fc.oneof(bytes, text)
// Of one length: kafkajs sorts timestamps as text.
const timestamp = fc.integer({ min: 1_000_000_000_000, max: 9_999_999_999_999 }).map(String)
const message = fc.record({
  key: fc.oneof(fc.constant(null), value),
  value: fc.oneof(fc.constant(null), value),
  timestamp,
  headers: fc.dictionary(text, fc.oneof(value, fc.array(value, { maxLength: 3 })), { maxKeys: 5 }),
})

const args = fc.record({
  acks: fc.constant(-1),
  timeout: fc.nat(),
  transactionalId: fc.oneof(fc.constant(null), text),
  producerId: fc.maxSafeNat().map(String),
  producerEpoch: fc.nat(32_767),
  compression: fc.constantFrom(0, 1),
  topicData: fc.array(
    fc.record({
      topic: text,
      partitions: fc.array(
        fc.record({
          partition: fc.nat(),
          firstSequence: fc.nat(),
          messages: fc.array(message, { minLength: 1, maxLength: 10 }),
        }),
        { maxLength: 3 },
      ),
    }),
    { maxLength: 3 },
  ),
})

test('the same bytes as the encoder of kafkajs', async () => {
  await fc.assert(
    fc.asyncProperty(args, async (produce) => {
      const theirs = (await oracle(produce).encode()).buffer
      assert.deepEqual(await encodeProduce(produce), Buffer.from(theirs))
    }),
    { numRuns: 300 },
  )
})

test('timestamps are compared as numbers: 1970 is before 2026', async () => {
  const FIRST_TIMESTAMP_AT = 27
  const MAX_TIMESTAMP_AT = 35
  const messages = ['1795000000000', '5000', '-1'].map((timestamp) => ({ value: 'x', timestamp }))
  const partitions = [{ partition: 0, firstSequence: 0, messages }]
  const encoded = await encodeProduce({
    acks: -1,
    timeout: 1,
    producerId: '1',
    producerEpoch: 0,
    topicData: [{ topic: 't', partitions }],
  })
  // Transactional id, acks, time-out, topics, `t`, partitions, partition, size.
  const batch = encoded.subarray(2 + 2 + 4 + 4 + 3 + 4 + 4 + 4)
  assert.equal(batch.readBigInt64BE(FIRST_TIMESTAMP_AT), -1n)
  assert.equal(batch.readBigInt64BE(MAX_TIMESTAMP_AT), 1_795_000_000_000n)
})
