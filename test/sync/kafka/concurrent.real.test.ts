// kafkajs issue 598: an idempotent producer whose sends overlap is told "out of order sequence number", or is
// told nothing and loses records, once one of them has to be sent again. Ours never has two under way.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createClient } from '../../../sync/kafka/client.ts'
import { createKafkaUplink } from '../../../sync/kafka/kafka-uplink.ts'
import { useCentral } from '../../support/central.ts'
import { loseAnswerOf } from './lost-answer.ts'
import { makeFleet, Records, readAll, values } from './support.ts'

const central = await useCentral()
const SENDS = 20
/** The broker has it, we do not hear so, and those behind it already wait. */
const LOST = 5

function loseOne(t: TestContext) {
  const lost = loseAnswerOf(LOST)
  t.after(() => lost.restore())
  return lost
}

test('bare kafkajs, sends that overlap, one answer lost: not every record arrives once and in order', async (t) => {
  const { config } = await makeFleet(central, { partitions: 1 })
  const topic = config.topics.telemetry
  const { kafka, sockets } = await createClient(config)
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  t.after(async () => {
    await producer.disconnect()
    sockets.destroy()
  })
  await producer.connect()
  loseOne(t)
  const given = Array.from({ length: SENDS }, (_, n) => `${n}`)
  const ends = await Promise.allSettled(
    given.map((value) => producer.send({ topic, messages: [{ value }] })),
  )
  const arrived = values(await readAll({ brokers: config.brokers, topic }))
  t.diagnostic(`${ends.filter((end) => end.status === 'rejected').length} failed; ${arrived}`)
  assert.notDeepEqual(arrived, given)
})

for (const delivery of ['at-least-once', 'exactly-once'] as const) {
  test(`${delivery}: out of order after concurrent idempotent sends does not happen, one answer lost`, async (t) => {
    const { config, origin } = await makeFleet(central, { partitions: 1 })
    const records = new Records().take(SENDS * 10)
    const one = records[0].payload.length
    const uplink = createKafkaUplink({ ...config, delivery, maxRequestBytes: one * 10 })
    t.after(() => uplink.close())
    await uplink.open(origin)
    const lost = loseOne(t)
    await uplink.send(records)
    assert.ok(lost.requests > LOST + 1, `${lost.requests} requests`)
    const arrived = await readAll({ brokers: config.brokers, topic: config.topics.telemetry })
    assert.deepEqual(
      values(arrived),
      records.map(({ payload }) => String(Buffer.from(payload))),
    )
  })
}
