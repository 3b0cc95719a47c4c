import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createKafkaUplink } from '../../../sync/kafka/kafka-uplink.ts'
import { LANES, type Lane } from '../../../sync/record.ts'
import { useCentral } from '../../support/central.ts'
import { until } from '../../support/until.ts'
import { record } from '../support.ts'
import { Side } from './agent-side.ts'
import { addPartitions, asAdmin, type Fleet, makeFleet, readAll, values } from './support.ts'

const central = await useCentral()

const topicOf = ({ config }: Fleet, lane: Lane) => ({
  brokers: config.brokers,
  topic: config.topics[lane],
})

/** Every payload of a lane that Kafka has, in order: nothing lost, nothing twice. */
async function assertAll(fleet: Fleet, lane: Lane, count: number): Promise<void> {
  const read = values(await readAll(topicOf(fleet, lane))).filter((text) => /^\d+$/.test(text))
  assert.deepEqual(
    read,
    Array.from({ length: count }, (_, n) => `${n + 1}`),
  )
}

describe('bad input at central: told, tried again, and nobody else’s trouble', () => {
  test('a topic that does not exist: its lane waits, the others go on, and made it catches up', async (t) => {
    const fleet = await makeFleet(central)
    const events = central.unique('later')
    const config = { ...fleet.config, topics: { ...fleet.config.topics, events } }
    const side = await Side.start(t, fleet.origin.vehicle, config)
    side.give(20)
    await side.drained(['critical', 'telemetry'])
    const blocked = await side.blockedFor('events')
    assert.equal(blocked.code, 'UPLINK_TOPIC_MISSING')
    assert.match(blocked.message, new RegExp(events))
    assert.match(blocked.hint!, /Create the topic/)
    side.give(20)
    await side.drained(['critical', 'telemetry'])
    assert.equal(side.waiting('events'), 40)
    await central.createTopics([{ topic: events, partitions: 3, config: {} }])
    await side.drained(LANES)
    await until('no complaint is left', () => side.sync.status().uplink.blocked === undefined)
    for (const lane of LANES) await assertAll({ ...fleet, config }, lane, 40)
  })

  test('a checkpoint topic with one partition: critical goes on, more partitions free the others', async (t) => {
    const fleet = await makeFleet(central)
    const checkpointTopic = central.unique('narrow')
    await central.createTopics([{ topic: checkpointTopic, partitions: 1, config: {} }])
    const side = await Side.start(t, fleet.origin.vehicle, { ...fleet.config, checkpointTopic })
    side.give(10)
    await side.drained(['critical'])
    const blocked = await side.blockedFor('telemetry')
    assert.match(blocked.message, /no partition 2 for the lane telemetry/)
    assert.match(blocked.hint!, /3 partitions/)
    await addPartitions(central, [checkpointTopic], 3)
    await side.drained(LANES)
    for (const lane of LANES) await assertAll(fleet, lane, 10)
  })

  test('a topic that is made anew with fewer partitions under way: nothing after it is lost', async (t) => {
    const fleet = await makeFleet(central, { partitions: 16 })
    const side = await Side.start(t, fleet.origin.vehicle, fleet.config)
    side.give(10)
    await side.drained(LANES)
    const topic = fleet.config.topics.telemetry
    await asAdmin(central, (admin) => admin.deleteTopics({ topics: [topic] }))
    side.give(10)
    await side.drained(['critical', 'events'])
    await central.createTopics([{ topic, partitions: 1, config: {} }])
    side.give(10)
    await side.drained(LANES)
    for (const lane of ['critical', 'events'] as const) await assertAll(fleet, lane, 30)
    const read = values(await readAll(topicOf(fleet, 'telemetry')))
    assert.deepEqual(
      read,
      Array.from({ length: 20 }, (_, n) => `${n + 11}`),
    )
  })

  test('a topic that is given more partitions under way: order holds', async (t) => {
    const fleet = await makeFleet(central, { partitions: 1 })
    const side = await Side.start(t, fleet.origin.vehicle, fleet.config)
    side.give(10)
    await side.drained(LANES)
    await addPartitions(central, Object.values(fleet.config.topics), 7)
    side.give(10)
    await side.drained(LANES)
    for (const lane of LANES) await assertAll(fleet, lane, 20)
  })

  test('a producer that another one fenced is dead: a fresh one goes on, nothing twice', async (t) => {
    const fleet = await makeFleet(central)
    const { vehicle } = fleet.origin
    const side = await Side.start(t, vehicle, fleet.config, { fencedRetryMs: 300 })
    side.give(10)
    await side.drained(LANES)
    const other = createKafkaUplink(fleet.config)
    await other.open(fleet.origin)
    await other.close()
    side.give(10)
    await side.drained(LANES)
    for (const lane of LANES) await assertAll(fleet, lane, 20)
  })

  test('poison records: buried and told with their hint; those behind them arrive', async (t) => {
    const fleet = await makeFleet(central, { config: { 'max.message.bytes': '20000' } })
    const side = await Side.start(t, fleet.origin.vehicle, fleet.config)
    const poison = (lane: Lane) =>
      side.sync.append(record(lane, 'x'.repeat(100_000), { timeUs: Date.now() * 1000 }))
    side.give(10)
    poison('events')
    poison('critical')
    side.give(10)
    await side.drained(LANES)
    const { uplink, outbox } = side.sync.status()
    assert.equal(outbox.deadRecords, 2)
    assert.equal(uplink.rejectedRecords, 2)
    assert.equal(uplink.lastRejection?.code, 'UPLINK_REJECTED')
    assert.match(uplink.lastRejection!.hint!, /max\.message\.bytes/)
    for (const lane of LANES) await assertAll(fleet, lane, 20)
  })
})
