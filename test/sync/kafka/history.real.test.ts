import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Producer } from 'kafkajs'
import { createClient } from '../../../sync/kafka/client.ts'
import { type HistoryRange, readHistory } from '../../../sync/kafka/history.ts'
import { useCentral } from '../../support/central.ts'
import { produce as produceAt, readAll, values } from './support.ts'

const T0_MS = Date.now() - 3_600_000

const central = await useCentral()
const brokers = [central.bootstrap]

describe('history', () => {
  async function makeTopic(partitions: number): Promise<string> {
    const topic = central.unique('history')
    await central.createTopics([{ topic, partitions, config: {} }])
    return topic
  }

  const produce = (work: (producer: Producer) => Promise<unknown>, transactionalId?: string) =>
    produceAt(central.bootstrap, work, { transactionalId })

  /** A topic with records `<partition>:<n>`, one a second from T0. */
  async function filled(partitions: number, perPartition: number): Promise<string> {
    const topic = await makeTopic(partitions)
    const messages = Array.from({ length: partitions * perPartition }, (_, n) => {
      const [partition, index] = [n % partitions, Math.floor(n / partitions)]
      return { partition, value: `${partition}:${index}`, timestamp: String(T0_MS + index * 1000) }
    })
    await produce((producer) => producer.send({ topic, messages }))
    return topic
  }

  test('an empty topic ends at once', async () => {
    const topic = await makeTopic(3)
    let ranges: readonly HistoryRange[] = []
    assert.deepEqual(await readAll({ brokers, topic, onRanges: (r) => (ranges = r) }), [])
    assert.deepEqual(
      ranges,
      [0, 1, 2].map((partition) => ({ partition, from: 0, to: 0 })),
    )
  })

  test('reads every partition in its order', async () => {
    const topic = await filled(3, 100)
    const read = await readAll({ brokers, topic })
    assert.equal(read.length, 300)
    for (const partition of [0, 1, 2]) {
      const mine = read.filter((record) => record.partition === partition)
      assert.deepEqual(
        values(mine),
        Array.from({ length: 100 }, (_, n) => `${partition}:${n}`),
      )
    }
  })

  test('by offset, by time, and nothing where the range is empty', async () => {
    const topic = await filled(1, 100)
    const range = async (from: object | 'earliest', to: object | 'latest') =>
      values(await readAll({ brokers, topic, from: from as never, to: to as never }))
    const numbers = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, n) => `0:${from + n}`)
    const at = (index: number) => ({ timeUs: (T0_MS + index * 1000) * 1000 })
    assert.deepEqual(await range({ offset: 90 }, 'latest'), numbers(90, 100))
    assert.deepEqual(await range('earliest', { offset: 7 }), numbers(0, 7))
    assert.deepEqual(await range({ offset: 10 }, { offset: 12 }), numbers(10, 12))
    assert.deepEqual(await range(at(95), 'latest'), numbers(95, 100))
    assert.deepEqual(await range(at(20), at(25)), numbers(20, 25))
    assert.deepEqual(await range({ timeUs: at(20).timeUs + 1 }, at(25)), numbers(21, 25))
    assert.deepEqual(await range(at(1_000), 'latest'), [])
    assert.deepEqual(await range({ offset: 50 }, { offset: 50 }), [])
    assert.deepEqual(await range({ offset: 50 }, { offset: 40 }), [])
    assert.deepEqual(await range({ offset: 1_000 }, 'latest'), [])
    assert.deepEqual(await range({ offsets: { 0: 3 } }, { offsets: { 0: 5 } }), numbers(3, 5))
  })

  test('exact offsets that are gone, or not there yet, are an error', async () => {
    const topic = await filled(1, 20)
    const { kafka } = await createClient({ brokers })
    const admin = kafka.admin()
    await admin.connect()
    await admin.fetchTopicMetadata({ topics: [topic] })
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '10' }] })
    await admin.disconnect()
    const gone = readAll({ brokers, topic, from: { offsets: { 0: 5 } } })
    await assert.rejects(gone, { code: 'HISTORY_RANGE' })
    const early = readAll({ brokers, topic, to: { offsets: { 0: 21 } } })
    await assert.rejects(early, { code: 'HISTORY_RANGE' })
    assert.equal((await readAll({ brokers, topic, from: { offset: 5 } })).length, 10)
  })

  test('ends where the topic ended when it began', async () => {
    const topic = await filled(1, 50)
    let more = 0
    const read: string[] = []
    for await (const batch of readHistory({ brokers, topic })) {
      if (more++ === 0) {
        await produce((producer) => producer.send({ topic, messages: [{ value: 'later' }] }))
      }
      read.push(...values([...batch]))
    }
    assert.equal(read.length, 50)
    assert.ok(!read.includes('later'))
  })

  test('ends behind aborted records, control records and a transaction that is still open', async () => {
    const topic = await makeTopic(3)
    const message = (partition: number, value: string) => ({
      topic,
      messages: [{ partition, value }],
    })
    await produce(async (producer) => {
      const committed = await producer.transaction()
      // Partition 0 ends with a commit marker, 1 with nothing but an aborted transaction.
      await committed.send(message(0, 'committed'))
      await committed.commit()
      const aborted = await producer.transaction()
      await aborted.send(message(0, 'aborted'))
      await aborted.send(message(1, 'aborted'))
      await aborted.send(message(2, 'aborted'))
      await aborted.abort()
    }, central.unique('producer'))
    assert.deepEqual(values(await readAll({ brokers, topic })), ['committed'])
    await produce(async (producer) => {
      const open = await producer.transaction()
      await open.send(message(0, 'open'))
      await produce((other) => other.send(message(2, 'plain')))
      const read = await readAll({ brokers, topic, settleTimeoutMs: 500 })
      assert.deepEqual(values(read).sort(), ['committed', 'plain'])
      await open.commit()
    }, central.unique('producer'))
    assert.deepEqual(values(await readAll({ brokers, topic })).sort(), [
      'committed',
      'open',
      'plain',
    ])
  })

  test('what a transaction that is ending had written is waited for', async () => {
    const topic = await makeTopic(1)
    await produce(async (producer) => {
      const ending = await producer.transaction()
      await ending.send({ topic, messages: [{ value: 'sent before the reader came' }] })
      const reading = readAll({ brokers, topic })
      // A broker that stalls writes the markers of a commit as late.
      await sleep(4_000)
      await ending.commit()
      assert.deepEqual(values(await reading), ['sent before the reader came'])
    }, central.unique('producer'))
  })

  test('a fetch that begins inside two aborted transactions lets nothing through', async () => {
    const topic = await makeTopic(1)
    const message = (value: string) => ({ topic, messages: [{ partition: 0, value }] })
    await produce(async (one) => {
      await produce(async (two) => {
        const [a, b] = [await one.transaction(), await two.transaction()]
        for (let n = 0; n < 4; n++) {
          await a.send(message(`a${n}`))
          await b.send(message(`b${n}`))
        }
        await b.abort()
        await a.abort()
      }, central.unique('two'))
      await produce((other) => other.send(message('end')))
    }, central.unique('one'))
    for (let offset = 0; offset <= 10; offset++) {
      assert.deepEqual(values(await readAll({ brokers, topic, from: { offset } })), ['end'])
    }
  })

  test('a small answer at a time gives the same as a large one', async () => {
    const topic = await filled(3, 500)
    let answers = 0
    const onProgress = () => answers++
    const small = await readAll({ brokers, topic, maxFetchBytes: 1_000, onProgress })
    const sorted = (records: typeof small) => values(records).sort()
    assert.deepEqual(sorted(small), sorted(await readAll({ brokers, topic })))
    assert.ok(answers >= 3, `${answers} answers`)
  })

  test('bytes that are used again are read as they came, however many answers there are', async () => {
    const topic = await makeTopic(1)
    const sent = Array.from({ length: 40 }, (_, n) => `${n}:${'x'.repeat(n * 50)}`)
    await produce(async (producer) => {
      for (const value of sent) await producer.send({ topic, messages: [{ value }] })
    })
    const read: string[] = []
    let answers = 0
    const options = { brokers, topic, maxFetchBytes: 1_000, reuseBytes: true }
    for await (const batch of readHistory({ ...options, onProgress: () => answers++ })) {
      for (const record of batch) {
        // The next answer comes while this one is used.
        await sleep(1)
        read.push(String(record.value))
      }
    }
    assert.deepEqual(read, sent)
    assert.ok(answers > 10, `${answers} answers`)
  })

  test('may be left early, or aborted, and lets go of everything', async () => {
    const topic = await filled(1, 500)
    for await (const _ of readHistory({ brokers, topic })) break
    const abort = new AbortController()
    const reading = (async () => {
      for await (const _ of readHistory({ brokers, topic, signal: abort.signal })) abort.abort()
      // One batch may be all there is.
      abort.signal.throwIfAborted()
    })()
    await assert.rejects(reading, { name: 'AbortError' })
    await assert.rejects(readAll({ brokers, topic, signal: abort.signal }), { name: 'AbortError' })
  })

  test('leaves no consumer group behind', async () => {
    const topic = await filled(1, 10)
    const { kafka } = await createClient({ brokers })
    const admin = kafka.admin()
    await admin.connect()
    const groups = async () =>
      (await admin.listGroups()).groups.map(({ groupId }) => groupId).sort()
    const earlier = await groups()
    assert.equal((await readAll({ brokers, topic })).length, 10)
    const later = await groups()
    await admin.disconnect()
    // Other tests may run on this broker.
    assert.deepEqual(
      later.filter((group) => !earlier.includes(group) && group.includes(topic)),
      [],
    )
    assert.ok(later.every((group) => group !== ''))
  })

  test('a topic that is not there is an error', async () => {
    await assert.rejects(readAll({ brokers, topic: central.unique('missing') }), {
      code: 'UPLINK_TOPIC_MISSING',
    })
  })
})
