import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Producer, Transaction } from 'kafkajs'
import { tieredConfig } from '../../../deploy/central/topics.ts'
import { randomOf } from '../../../models/training/random.ts'
import { createClient } from '../../../sync/kafka/client.ts'
import { createCluster } from '../../../sync/kafka/cluster.ts'
import { internal } from '../../../sync/kafka/fence.ts'
import { decodeFetchResponse } from '../../../sync/kafka/history/response.ts'
import { type OwnCentral, ownCentral } from '../../support/central.ts'
import { TYPESCRIPT } from '../../support/typescript.ts'
import { produce, readAll, values } from './support.ts'

const PRODUCERS = 6
const TRANSACTIONS = 240
const RECORDS = 50
const FILLER = 'x'.repeat(300)
const SEED = 7
const TIER_TIMEOUT_MS = 90_000
const POLL_INTERVAL_MS = 500

/** Transactions of several producers that overlap, about half of them aborted; answers the committed values. */
async function writeHistory(central: OwnCentral, topic: string): Promise<string[]> {
  const random = randomOf(SEED)
  const { kafka, sockets } = await createClient({ brokers: [central.bootstrap] })
  const producers: Producer[] = []
  for (let n = 0; n < PRODUCERS; n++) {
    const producer = kafka.producer({
      transactionalId: central.unique('producer'),
      maxInFlightRequests: 1,
      retry: { initialRetryTime: 5, maxRetryTime: 50, retries: 100 },
    })
    await producer.connect()
    producers.push(producer)
  }
  const open = new Map<
    Producer,
    { transaction: Transaction; commits: boolean; values: string[]; left: number }
  >()
  const committed: string[] = []
  let begun = 0
  while (begun < TRANSACTIONS || open.size > 0) {
    const producer = producers[Math.floor(random() * PRODUCERS)]
    let current = open.get(producer)
    if (!current) {
      if (begun >= TRANSACTIONS) {
        const [next] = open.keys()
        current = open.get(next)!
        await end(next, current)
        continue
      }
      const commits = random() < 0.5
      const left = 1 + Math.floor(random() * 4)
      current = { transaction: await producer.transaction(), commits, values: [], left }
      open.set(producer, current)
      begun++
    }
    const word = current.commits ? 'committed' : 'aborted'
    const values = Array.from({ length: RECORDS }, (_, n) => `${word} ${begun} ${n} ${FILLER}`)
    const messages = values.map((value) => ({ partition: 0, value }))
    await current.transaction.send({ topic, messages })
    current.values.push(...values)
    if (--current.left === 0) await end(producer, current)
  }

  async function end(
    producer: Producer,
    {
      transaction,
      commits,
      values,
    }: { transaction: Transaction; commits: boolean; values: string[] },
  ) {
    open.delete(producer)
    if (!commits) return transaction.abort()
    committed.push(...values)
    await transaction.commit()
  }
  for (const producer of producers) await producer.disconnect()
  sockets.destroy()
  return committed
}

/** Waits until the segments have left the broker's disk, all but the active one. */
async function segmentsLeave(central: OwnCentral, topic: string): Promise<number> {
  const deadline = Date.now() + TIER_TIMEOUT_MS
  let segments: number[] = []
  const tick = async (producer: Producer) => {
    for (;;) {
      const files = await readdir(join(central.logDir, `${topic}-0`))
      segments = files
        .filter((file) => file.endsWith('.log'))
        .map((file) => Number.parseInt(file, 10))
      const objects = (await central.tierObjects()).filter(({ key }) => key.includes(topic))
      if (segments.length === 1 && segments[0] > 0 && objects.length > 0) break
      assert.ok(Date.now() < deadline, `segments ${segments} are still on the disk`)
      // A segment is only rolled by time when something is appended to it.
      await producer.send({ topic, messages: [{ partition: 0, value: 'tick' }] })
      await sleep(POLL_INTERVAL_MS)
    }
  }
  await produce(central.bootstrap, tick)
  return segments[0]
}

/** How often the broker answers a fetch with its aborted transactions in no order. */
async function unsortedAnswers(bootstrap: string, topic: string, end: number): Promise<number> {
  const { cluster, sockets } = await createCluster({ brokers: [bootstrap] })
  await cluster.connect()
  await cluster.addTargetTopic(topic)
  const [{ leader }] = cluster.findTopicPartitionMetadata(topic)
  const broker = await cluster.findBroker({ nodeId: leader })
  const fetch = internal<{ protocol(v: object): (args: object) => object }>(
    'protocol/requests/fetch',
  )
  let unsorted = 0
  for (let fetchOffset = 0; fetchOffset < end; fetchOffset += 2_000) {
    const partitions = [{ partition: 0, fetchOffset, maxBytes: 4_000_000 }]
    const { partitions: answers } = await broker.connectionPool.send<
      ReturnType<typeof decodeFetchResponse>
    >({
      ...fetch.protocol({ version: 11 })({
        isolationLevel: 1,
        maxWaitTime: 2_000,
        minBytes: 1,
        maxBytes: 4_000_000,
        topics: [{ topic, partitions }],
      }),
      response: {
        decode: async (payload: Buffer) => decodeFetchResponse(payload),
        parse: (data: unknown) => data,
      },
    })
    const offsets = answers[0].aborted.map(({ firstOffset }) => Number(firstOffset))
    if (offsets.some((offset, n) => offset < (offsets[n - 1] ?? 0))) unsorted++
  }
  await cluster.disconnect()
  sockets.destroy()
  return unsorted
}

test('history comes from the tier, and transactions that were aborted do not', async (t) => {
  const central = await ownCentral()
  const topic = central.unique('tiered')
  const config = tieredConfig('demo', { localMs: 1_000, remoteMs: -1 })
  await central.createTopics([{ topic, partitions: 1, config }])
  const committed = await writeHistory(central, topic)
  const localFrom = await segmentsLeave(central, topic)
  t.diagnostic(`offsets below ${localFrom} are only in the tier`)

  let end = 0
  const onRanges = ([range]: readonly { from: number; to: number }[]) => {
    assert.equal(range.from, 0)
    end = range.to
  }
  const read = await readAll({ brokers: [central.bootstrap], topic, onRanges })
  const history = values(read).filter((value) => value !== 'tick')
  assert.deepEqual(
    history.filter((value) => value.startsWith('aborted')),
    [],
  )
  assert.deepEqual(history.toSorted(), committed.toSorted())
  for (const [n, { offset }] of read.entries()) assert.ok(n === 0 || offset > read[n - 1].offset)

  // Without this the test would show nothing.
  const unsorted = await unsortedAnswers(central.bootstrap, topic, localFrom)
  assert.ok(unsorted > 0, 'the broker sorted all its answers: the fence was not tried')
  const bare = new URL('./bare-consumer.ts', import.meta.url).pathname
  const args = [bare, central.bootstrap, topic, central.unique('bare'), String(end)]
  const run = promisify(execFile)(process.execPath, [...TYPESCRIPT, ...args])
  const { stdout } = await run
  const { records, aborted } = JSON.parse(stdout) as { records: number; aborted: number }
  t.diagnostic(
    `${unsorted} unsorted answers; of ${read.length} records a bare kafkajs consumer gave ${records}, ${aborted} of them aborted`,
  )
})
