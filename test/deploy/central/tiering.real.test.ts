import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { StoredObject } from '../../../deploy/central/object-store.ts'
import { tieredConfig } from '../../../deploy/central/topics.ts'
import { createClient } from '../../../sync/kafka/client.ts'
import { type HistoryRange, readHistory } from '../../../sync/kafka/history.ts'
import { type OwnCentral, ownCentral } from '../../support/central.ts'
import { consoleConsume, offsetsOf } from '../../support/kafka-tool.ts'

const ROUNDS = 20
const RECORDS_PER_TRANSACTION = 100
const WAIT_LIMIT_MS = 120_000

/** What holds must not hang on one plugin. */
for (const tier of ['s3', 'local'] as const) {
  describe(`history in the tier, plugin ${tier}`, () => {
    test('segments leave, and every committed record comes back byte for byte', async () => {
      let central = await ownCentral({ tier })
      const topic = central.unique('tiered')
      const config = { ...tieredConfig('demo', { localMs: 0, remoteMs: 0 }), 'segment.ms': '2000' }
      await central.createTopics([{ topic, partitions: 1, config }])
      const written = await writeTransactions(central, topic)
      const objects = await untilOnlyTiered(central, topic)

      const first = objects.filter(({ key }) => key.includes('00000000000000000000'))
      const log = first.find(({ key }) => key.endsWith('.log'))
      assert.ok(log && log.bytes > 0, `no first segment among ${first.map(({ key }) => key)}`)
      assert.deepEqual(suffixes(first), [
        'index',
        'leader-epoch-checkpoint',
        'snapshot',
        'timeindex',
      ])
      if (tier === 's3') {
        assert.ok(objects.some(({ key, bytes }) => key.endsWith('.txnindex') && bytes > 0))
      }

      await assertHistory(central, topic, written)
      await central.stop()
      central = await central.restart()
      await assertHistory(central, topic, written)

      // And as Kafka's own consumer reads it, which shares no code with ours. Nothing comes after these.
      const { committed } = written
      const lines = await consoleConsume(central.bootstrap, topic, committed.length)
      assertSame(lines, committed, 'the console consumer')

      await deleteTopic(central, topic)
      await until('objects of the deleted topic are gone', async () =>
        (await objectsOf(central, topic)).length === 0 ? true : undefined,
      )
    })
  })
}

interface Written {
  readonly committed: readonly string[]
  readonly aborted: number
}

/**
 * Two producers with open transactions at the same time, of which in turn one commits and the other
 * aborts, so that a segment knows several aborted ones and they end in another order than they begin.
 */
async function writeTransactions(central: OwnCentral, topic: string): Promise<Written> {
  const { kafka, sockets } = await createClient({ brokers: [central.bootstrap] })
  const producers = ['a', 'b'].map((name) =>
    kafka.producer({
      transactionalId: central.unique(name),
      maxInFlightRequests: 1,
      retry: { initialRetryTime: 5, maxRetryTime: 100, factor: 0, multiplier: 1.5, retries: 50 },
    }),
  )
  const committed: string[] = []
  let aborted = 0
  try {
    for (const producer of producers) await producer.connect()
    for (let round = 0; round < ROUNDS; round++) {
      const transactions = []
      for (const producer of producers) transactions.push(await producer.transaction())
      for (const [who, transaction] of transactions.entries()) {
        const messages = recordsOf(round, who)
        const commits = (round + who) % 2 === 0
        await transaction.send({ topic, messages: messages.map((value) => ({ value })) })
        if (commits) committed.push(...messages)
        else aborted += messages.length
      }
      for (const [who, transaction] of [...transactions.entries()].reverse()) {
        await ((round + who) % 2 === 0 ? transaction.commit() : transaction.abort())
      }
    }
    return { committed, aborted }
  } finally {
    for (const producer of producers) await producer.disconnect()
    sockets.destroy()
  }
}

/** About 1 kB each that no compression makes small, and that says where it comes from. */
function recordsOf(round: number, who: number): string[] {
  return Array.from({ length: RECORDS_PER_TRANSACTION }, (_, index) => {
    const name = `${round}/${who}/${index}`
    const bytes = Array.from({ length: 14 }, (_, part) =>
      createHash('sha384').update(`${name}/${part}`).digest('base64'),
    )
    return `${name} ${bytes.join('')}`
  })
}

/** Waits until the first segment is in the tier and no more on the broker's disk. */
async function untilOnlyTiered(central: OwnCentral, topic: string): Promise<StoredObject[]> {
  return until('the first segment has left', async () => {
    const onDisk = (await readdir(join(central.logDir, `${topic}-0`)))
      .filter((name) => name.endsWith('.log'))
      .map((name) => Number.parseInt(name, 10))
    const objects = await objectsOf(central, topic)
    return Math.min(...onDisk) > 0 && objects.length > 0 ? objects : undefined
  })
}

async function objectsOf(central: OwnCentral, topic: string): Promise<StoredObject[]> {
  return (await central.tierObjects()).filter(({ key }) => key.includes(topic))
}

/** Kinds of a segment's objects beside its log; only one with aborted records has a `txnindex`. */
function suffixes(objects: readonly StoredObject[]): string[] {
  return objects
    .map(({ key }) => key.slice(key.lastIndexOf('.') + 1).replaceAll('_', '-'))
    .filter((suffix) => !['log', 'txnindex'].includes(suffix))
    .sort()
}

async function assertHistory(central: OwnCentral, topic: string, written: Written): Promise<void> {
  const { bootstrap } = central
  const local = (await offsetsOf(bootstrap, topic, 'earliest-local')).get(0)!
  assert.ok(local > 0, `the broker's disk begins at offset ${local}`)

  const read: string[] = []
  const offsets: number[] = []
  let ranges: readonly HistoryRange[] = []
  const onRanges = (settled: readonly HistoryRange[]) => {
    ranges = settled
  }
  for await (const batch of readHistory({ brokers: [bootstrap], topic, onRanges })) {
    for (const record of batch) {
      offsets.push(record.offset)
      read.push(String(record.value))
    }
  }
  assertSame(read, written.committed, 'readHistory')
  assert.equal(offsets[0], 0)
  // Aborted records are in the log: not to see them is the reader's work.
  assert.ok(ranges[0].to > written.committed.length + written.aborted)
}

/** Compares without printing megabytes where it fails. */
function assertSame(read: readonly string[], expected: readonly string[], who: string): void {
  const name = (value: string | undefined) => value?.slice(0, 20)
  const at = expected.findIndex((value, index) => read[index] !== value)
  assert.equal(at, -1, `${who}: record ${at} is ${name(read[at])}, not ${name(expected[at])}`)
  assert.equal(read.length, expected.length, `${who}: records beyond the last`)
}

async function deleteTopic(central: OwnCentral, topic: string): Promise<void> {
  const { kafka, sockets } = await createClient({ brokers: [central.bootstrap] })
  const admin = kafka.admin()
  await admin.connect()
  await admin.deleteTopics({ topics: [topic] })
  await admin.disconnect()
  sockets.destroy()
}

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const giveUpMs = Date.now() + WAIT_LIMIT_MS
  for (;;) {
    const seen = await look()
    if (seen !== undefined) return seen
    if (Date.now() > giveUpMs) throw new Error(`not within ${WAIT_LIMIT_MS / 1000} s: ${what}`)
    await sleep(200)
  }
}
