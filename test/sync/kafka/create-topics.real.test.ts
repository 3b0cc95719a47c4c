import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTopics } from '../../../sync/kafka/admin.ts'
import { createClient } from '../../../sync/kafka/client.ts'
import { useCentral } from '../../support/central.ts'
import { until } from '../../support/until.ts'

const PARTITIONS = 20
const PER_PARTITION = 10

const central = await useCentral()

test('a new topic keeps what a plain producer sends at once, once', async () => {
  const { kafka, sockets } = await createClient({ brokers: [central.bootstrap] })
  const admin = kafka.admin()
  await admin.connect()
  for (let n = 0; n < 5; n++) {
    const topic = central.unique('new')
    await createTopics(central.bootstrap, [{ topic, partitions: PARTITIONS, config: {} }])
    const producer = kafka.producer({ maxInFlightRequests: 1 })
    await producer.connect()
    const messages = Array.from({ length: PARTITIONS * PER_PARTITION }, (_, index) => ({
      partition: index % PARTITIONS,
      value: String(index),
    }))
    await producer.send({ topic, messages })
    await producer.disconnect()
    const ends = (await admin.fetchTopicOffsets(topic)).map(({ high }) => Number(high))
    assert.deepEqual(ends, Array(PARTITIONS).fill(PER_PARTITION))
  }
  await admin.disconnect()
  sockets.destroy()
})

test('a topic that is just being deleted is made anew', async () => {
  const { kafka, sockets } = await createClient({ brokers: [central.bootstrap] })
  const admin = kafka.admin()
  await admin.connect()
  const topic = central.unique('again')
  for (let partitions = 1; partitions <= 5; partitions++) {
    await createTopics(central.bootstrap, [{ topic, partitions, config: {} }])
    // The first look may still find the one before.
    await until(`${partitions} partitions`, async () => {
      const offsets = await admin.fetchTopicOffsets(topic)
      return offsets.length === partitions
    })
    await admin.deleteTopics({ topics: [topic] })
  }
  await admin.disconnect()
  sockets.destroy()
})
