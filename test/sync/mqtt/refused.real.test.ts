import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RECORD_SCHEMAS } from '../../../agent/record-schemas.ts'
import { auditTopics } from '../../../sync/kafka/audit-topics.ts'
import { createMqttUplink } from '../../../sync/mqtt/mqtt-uplink.ts'
import { Relay } from '../../../sync/relay/relay.ts'
import { useCentral } from '../../support/central.ts'
import { useRegistry } from '../../support/registry.ts'
import { until } from '../../support/until.ts'
import { makeFleet, Records } from '../kafka/support.ts'
import { makeDepot } from './depot.ts'

const central = await useCentral()
const registry = await useRegistry()

for (const format of ['json', 'avro'] as const) {
  test(`what Kafka refuses is put aside, those behind it go on, and the audit balances (${format})`, async (t) => {
    const depot = await makeDepot(central)
    // The topics take less in one message than the relay does.
    const { config: kafka } = await makeFleet(central, { config: { 'max.message.bytes': '20000' } })
    const payload =
      format === 'avro'
        ? { format, registry: { url: registry.url }, schemas: RECORD_SCHEMAS }
        : { format }
    const relay = Relay.start({ ...depot.config, kafka: { ...kafka, payload } })
    t.after(() => relay.close())
    const origin = { vehicle: 'truck-large', epoch: 'e1' }
    const uplink = createMqttUplink({ ...depot.config.broker, openTimeoutMs: 30_000 })
    await uplink.open(origin)
    const source = new Records()
    const small = () => source.take(5, 'telemetry', { payload: snapshot(10) })
    const batch = [
      ...small(),
      ...source.take(1, 'events', { payload: snapshot(30_000) }),
      ...small(),
    ]
    await uplink.send(batch)
    await uplink.close()
    await until('one refused, all others forwarded', () => {
      const { refusedByKafka, waiting, forward } = relay.status()
      const left = waiting.critical + waiting.events + waiting.telemetry
      return refusedByKafka === 1 && left === 0 && forward.state === 'live'
    })
    assert.match(relay.status().lastRefusal!, /^truck-large\/e1\/6: /)
    const account = await until('the ledger on Kafka', async () => {
      const audit = await auditTopics({
        ...{ brokers: kafka.brokers, topics: Object.values(kafka.topics) },
        ...(format === 'avro' && { registry: { url: registry.url } }),
      })
      return audit.records === batch.length ? audit : undefined
    })
    assert.equal(account.balanced, true)
    const of = (vehicle: string) => account.epochs.find((epoch) => epoch.vehicle === vehicle)
    assert.deepEqual(
      [of(origin.vehicle)?.present, of(origin.vehicle)?.ledgered, of(origin.vehicle)?.missing],
      [batch.length - 1, 1, 0],
    )
    assert.equal(of(depot.config.name)?.present, 1)
  })
}

function snapshot(bytes: number): Buffer {
  const signals = { 'Engine.Note': 'x'.repeat(bytes) }
  return Buffer.from(JSON.stringify({ campaign: 'c', timeUs: 1_795_000_000_000_000, signals }))
}

test('a lane whose topic is missing at the depot waits, told with its hint; the others go on', async (t) => {
  const depot = await makeDepot(central)
  const { config: kafka } = depot.fleet
  const topics = { ...kafka.topics, events: central.unique('missing') }
  const relay = Relay.start({ ...depot.config, kafka: { ...kafka, topics } })
  t.after(() => relay.close())
  const uplink = createMqttUplink({ ...depot.config.broker, openTimeoutMs: 30_000 })
  await uplink.open({ vehicle: 'truck-lane', epoch: 'e1' })
  const source = new Records()
  await uplink.send([
    ...source.take(1, 'critical'),
    ...source.take(2, 'events'),
    ...source.take(3, 'telemetry'),
  ])
  await uplink.close()
  await until('the other lanes in Kafka', () => {
    const { waiting } = relay.status()
    return waiting.critical + waiting.telemetry === 0 && waiting.events === 2
  })
  const blocked = await until('a complaint', () => relay.status().forward.blocked?.[0])
  assert.equal(blocked.lane, 'events')
  assert.equal(blocked.code, 'UPLINK_TOPIC_MISSING')
  assert.match(blocked.hint ?? '', /topic/)
  await central.createTopics([{ topic: topics.events, partitions: 3, config: {} }])
  await until('the lane that had waited', () => relay.status().waiting.events === 0)
})
