import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createClient } from '../../../sync/kafka/client.ts'
import type { Compression } from '../../../sync/kafka/codecs.ts'
import { createKafkaUplink } from '../../../sync/kafka/kafka-uplink.ts'
import type { Origin } from '../../../sync/record.ts'
import type { Positions, Uplink } from '../../../sync/uplink.ts'
import { useCentral } from '../../support/central.ts'
import { addPartitions, type Fleet, makeFleet, Records, readAll, values } from './support.ts'

const NOTHING: Positions = { critical: 0, events: 0, telemetry: 0 }

const central = await useCentral()

describe('the uplink into Kafka', () => {
  /** Opens, works, closes; answers the positions that `open` gave. */
  async function session(
    fleet: Fleet,
    work: (uplink: Uplink) => Promise<void> = async () => {},
    origin: Origin = fleet.origin,
  ): Promise<Positions> {
    const uplink = createKafkaUplink(fleet.config)
    try {
      const positions = await uplink.open(origin)
      await work(uplink)
      return positions
    } finally {
      await uplink.close()
    }
  }

  test('delivers all lanes with their identity, and knows its positions afterwards', async () => {
    const fleet = await makeFleet(central)
    const records = new Records()
    const sent = [
      records.next('telemetry'),
      records.next('critical', { type: 'milepost.anomaly.v1', payload: Buffer.from([0, 255, 1]) }),
      records.next('telemetry', { timeUs: 1_700_000_000_123_456, clock: 'repaired' }),
      records.next('events', { timeUs: 5_000_000, clock: 'unsynced' }),
    ]
    const first = await session(fleet, (uplink) => uplink.send(sent))
    assert.deepEqual(first, NOTHING)
    assert.deepEqual(await session(fleet), { critical: 2, events: 4, telemetry: 3 })

    const { brokers, topics } = fleet.config
    const [critical] = await readAll({ brokers, topic: topics.critical })
    const { vehicle } = fleet.origin
    assert.equal(String(critical.key), vehicle)
    assert.deepEqual(critical.value, Buffer.from([0, 255, 1]))
    const headers = Object.fromEntries(
      Object.entries(critical.headers).map(([name, value]) => [name, String(value)]),
    )
    const { ce_time, ...rest } = headers
    assert.equal(Date.parse(ce_time), Math.floor(sent[1].timeUs / 1000))
    assert.equal(critical.timeUs, sent[1].timeUs)
    assert.deepEqual(rest, {
      ce_specversion: '1.0',
      ce_id: `${vehicle}/epoch-1/2`,
      ce_source: `/milepost/${vehicle}`,
      ce_type: 'milepost.anomaly.v1',
      'content-type': 'application/json',
      mp_epoch: 'epoch-1',
      mp_seq: '2',
      mp_prev: '0',
      mp_lane: 'critical',
      mp_clock: 'synced',
      mp_boot: '6a2c6b8e',
      mp_mono: '1000002',
    })
    const telemetry = await readAll({ brokers, topic: topics.telemetry })
    assert.deepEqual(
      telemetry.map((record) => [
        String(record.header('mp_seq')),
        String(record.header('mp_prev')),
      ]),
      [
        ['1', '0'],
        ['3', '1'],
      ],
    )
    assert.equal(telemetry[1].timeUs, 1_700_000_000_123_456)
    assert.equal(telemetry[1].timestampMs, 1_700_000_000_123)
    // No clock vouches for it: Kafka, whose retention acts on timestamps, is not told 1970.
    const [unsynced] = await readAll({ brokers, topic: topics.events })
    assert.deepEqual([unsynced.timestampMs, unsynced.timeUs], [-1, 5_000_000])
  })

  test('a record from a clock that is years ahead is delivered, not refused', async () => {
    const fleet = await makeFleet(central)
    const aheadUs = (Date.now() + 10 * 365 * 86_400_000) * 1000
    const records = new Records()
    await session(fleet, (uplink) => uplink.send(records.take(3, 'events', { timeUs: aheadUs })))
    const read = await readAll({ brokers: fleet.config.brokers, topic: fleet.config.topics.events })
    assert.deepEqual(
      read.map(({ timeUs }) => timeUs),
      Array(3).fill(aheadUs),
    )
  })

  test('more than a request holds goes out in one transaction, in order, in one partition', async () => {
    const fleet = await makeFleet(central)
    fleet.config satisfies object
    const config = { ...fleet.config, maxBatchBytes: 20_000, maxRequestBytes: 30_000 }
    const sent = new Records().take(1_000)
    await session({ ...fleet, config }, (uplink) => uplink.send(sent))
    const read = await readAll({ brokers: config.brokers, topic: config.topics.telemetry })
    assert.deepEqual(
      values(read),
      sent.map(({ payload }) => String(Buffer.from(payload))),
    )
    assert.equal(new Set(read.map(({ partition }) => partition)).size, 1)
  })

  test('a new epoch begins at nothing, and the old one is not mistaken for it', async () => {
    const fleet = await makeFleet(central)
    await session(fleet, (uplink) => uplink.send(new Records().take(7)))
    const renewed = { ...fleet.origin, epoch: 'epoch-2' }
    const positions = await session(fleet, (uplink) => uplink.send(new Records().take(2)), renewed)
    assert.deepEqual(positions, NOTHING)
    assert.deepEqual(await session(fleet, undefined, renewed), { ...NOTHING, telemetry: 2 })
    assert.deepEqual(await session(fleet), NOTHING)
  })

  test('a transaction that its process left open is settled before positions are told', async () => {
    const fleet = await makeFleet(central)
    const { kafka, sockets } = await createClient(fleet.config)
    const producer = kafka.producer({
      transactionalId: fleet.origin.vehicle,
      maxInFlightRequests: 1,
    })
    await producer.connect()
    const transaction = await producer.transaction()
    await transaction.send({ topic: fleet.config.topics.telemetry, messages: [{ value: 'left' }] })
    await transaction.sendOffsets({
      consumerGroupId: `milepost.${fleet.origin.vehicle}`,
      topics: [
        { topic: fleet.config.checkpointTopic, partitions: [{ partition: 2, offset: '99' }] },
      ],
    })
    sockets.destroy()

    const sent = new Records().take(1)
    assert.deepEqual(await session(fleet, (uplink) => uplink.send(sent)), NOTHING)
    const { brokers, topics } = fleet.config
    assert.deepEqual(values(await readAll({ brokers, topic: topics.telemetry })), [
      String(Buffer.from(sent[0].payload)),
    ])
  })

  test('two devices with one name: the later one sends, the earlier one is told', async () => {
    const fleet = await makeFleet(central)
    const records = new Records()
    await session(fleet, async (earlier) => {
      await earlier.send(records.take(5))
      await session(fleet, async (later) => {
        await assert.rejects(
          earlier.send(records.take(1)),
          ({ code, hint }: { code: string; hint: string }) =>
            code === 'UPLINK_FENCED' && /Another device/.test(hint),
        )
        await later.send(records.take(1))
      })
    })
    const { brokers, topics } = fleet.config
    const read = await readAll({ brokers, topic: topics.telemetry })
    assert.deepEqual(
      read.map((record) => String(record.header('mp_seq'))),
      ['1', '2', '3', '4', '5', '7'],
    )
  })

  test('a topic that is not there is named', async () => {
    const fleet = await makeFleet(central)
    const missing = central.unique('missing')
    const config = { ...fleet.config, topics: { ...fleet.config.topics, events: missing } }
    await session({ ...fleet, config }, async (uplink) => {
      const [[lane, error], ...more] = [...uplink.refusals!]
      assert.deepEqual([lane, more.length], ['events', 0])
      assert.equal(error.code, 'UPLINK_TOPIC_MISSING')
      assert.equal(error.message, `The cluster has no topic ${missing}`)
      await assert.rejects(uplink.send(new Records().take(1, 'events')), error)
    })
    const sent = new Records().take(2, 'critical')
    await session({ ...fleet, config }, (uplink) => uplink.send(sent))
    await assert.rejects(
      session({ ...fleet, config: { ...fleet.config, checkpointTopic: missing } }),
      { code: 'UPLINK_TOPIC_MISSING', message: `The cluster has no topic ${missing}` },
    )
  })

  test('a checkpoint topic with too few partitions refuses the lanes that have none', async () => {
    const fleet = await makeFleet(central)
    const narrow = central.unique('narrow')
    await central.createTopics([{ topic: narrow, partitions: 1, config: {} }])
    await session(
      { ...fleet, config: { ...fleet.config, checkpointTopic: narrow } },
      async (uplink) => {
        assert.deepEqual([...uplink.refusals!.keys()], ['events', 'telemetry'])
        for (const { message } of uplink.refusals!.values()) assert.match(message, /no partition/)
        await uplink.send(new Records().take(3, 'critical'))
      },
    )
  })

  test('a record that is too large is rejected, and nothing of its batch is delivered', async () => {
    const fleet = await makeFleet(central, { config: { 'max.message.bytes': '50000' } })
    const { brokers, topics } = fleet.config
    const records = new Records()
    const large = (bytes: number) => ({ payload: Buffer.alloc(bytes, 'x') })
    // Known beforehand.
    await assert.rejects(
      session(fleet, (uplink) =>
        uplink.send([...records.take(3), records.next('telemetry', large(2_000_000))]),
      ),
      { code: 'UPLINK_REJECTED' },
    )
    // Found out by the broker, in the second send of the transaction.
    const config = { ...fleet.config, maxBatchBytes: 200_000, maxRequestBytes: 200_000 }
    await assert.rejects(
      session({ ...fleet, config }, (uplink) =>
        uplink.send([
          ...records.take(3),
          records.next('telemetry', large(150_000)),
          ...records.take(300),
        ]),
      ),
      { code: 'UPLINK_REJECTED' },
    )
    assert.deepEqual(await readAll({ brokers, topic: topics.telemetry }), [])
    const sent = records.take(2)
    assert.deepEqual(await session(fleet, (uplink) => uplink.send(sent)), NOTHING)
    assert.equal((await readAll({ brokers, topic: topics.telemetry })).length, 2)
  })

  test('a lane keeps to its partition when the topic is given more of them', async () => {
    const fleet = await makeFleet(central, { partitions: 1 })
    const { brokers, topics } = fleet.config
    const records = new Records()
    await session(fleet, (uplink) => uplink.send(records.take(5)))
    await addPartitions(central, [topics.telemetry], 16)
    await session(fleet, (uplink) => uplink.send(records.take(5)))
    const read = await readAll({ brokers, topic: topics.telemetry })
    assert.deepEqual(
      read.map((record) => Number(record.header('mp_seq'))),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    )
    assert.deepEqual([...new Set(read.map(({ partition }) => partition))], [0])
  })

  for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] satisfies Compression[]) {
    test(`${compression}: the broker takes it, and it comes back byte for byte`, async () => {
      const fleet = await makeFleet(central)
      const sent = new Records().take(500)
      const config = { ...fleet.config, compression }
      await session({ ...fleet, config }, (uplink) => uplink.send(sent))
      const read = await readAll({ brokers: config.brokers, topic: config.topics.telemetry })
      assert.deepEqual(
        values(read),
        sent.map(({ payload }) => String(Buffer.from(payload))),
      )
    })
  }
})
