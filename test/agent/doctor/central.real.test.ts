import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { useCentral } from '../../support/central.ts'
import { useMosquitto } from '../../support/mosquitto.ts'
import { until } from '../../support/until.ts'
import { Setup } from './setups.ts'

test('what central answers comes first: a wrong topic, another device of this name', async (t) => {
  const central = await useCentral()
  const topics = { critical: 'c', events: 'e', telemetry: 't' }
  const named = Object.fromEntries(
    Object.entries(topics).map(([lane, name]) => [lane, central.unique(name)]),
  ) as typeof topics
  const checkpointTopic = central.unique('checkpoints')
  const kafka = { kind: 'kafka', brokers: [central.bootstrap], checkpointTopic, topics: named }
  await central.createTopics([
    ...Object.values(named).map((topic) => ({ topic, partitions: 1, config: {} })),
    { topic: checkpointTopic, partitions: 3, config: {} },
  ])

  await t.test('a topic that is not there', async (t) => {
    const setup = new Setup(t)
    setup.config.vehicle = central.unique('truck')
    const wrong = { ...named, critical: central.unique('nobody-made-this') }
    setup.config.uplink = { ...kafka, topics: wrong }
    await setup.start()
    const [first] = await setup.comesFirst('UPLINK_TOPIC_MISSING')
    assert.match(first.command ?? '', /kafka-topics\.sh/)
  })

  await t.test('a device of the same name', async (t) => {
    const setup = new Setup(t)
    const vehicle = central.unique('truck')
    setup.config.vehicle = vehicle
    setup.config.uplink = kafka
    setup.config.campaigns = [{ id: 'all', signals: ['*'], sampleEveryMs: 200 }]
    const agent = await setup.start()
    await until('records on Kafka', () => (agent.status().sync?.uplink.sentRecords ?? 0) > 0)
    const other = new Setup(t)
    other.config = setup.config
    await other.start()
    const [first] = await setup.comesFirst('UPLINK_FENCED')
    assert.match(first.next ?? '', /its own `vehicle`/)
  })
})

test('a wrong password comes first', async (t) => {
  const login = { username: 'truck', password: 'right' }
  const broker = await useMosquitto({ login })
  const setup = new Setup(t)
  const file = join(setup.dir, 'password')
  writeFileSync(file, 'wrong\n')
  const { url } = broker
  setup.config.uplink = { kind: 'mqtt', url, username: 'truck', password: { file } }
  await setup.start()
  const [first] = await setup.comesFirst('UPLINK_DENIED')
  assert.match(first.next ?? '', /password/)
})
