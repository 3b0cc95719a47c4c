import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCentral } from '../../deploy/central/central.ts'
import { createTopics } from '../../sync/kafka/admin.ts'
import { readHistory } from '../../sync/kafka/history.ts'
import { createKafkaUplink } from '../../sync/kafka/kafka-uplink.ts'
import type { StoredRecord } from '../../sync/record.ts'
import { type BenchRow, median } from './bench.ts'
import { Bare } from './uplink/bare-process.ts'
import { ORIGIN, recordOf } from './uplink/round.ts'

const ROUNDS = 5
const RECORDS = 30_000
/** The pump's largest batch: a transaction of several sends. */
const BATCH_RECORDS = 5_000
/** As many as fit the broker's default `max.message.bytes`, and so as many as one of our sends has. */
const BARE_BATCH_RECORDS = 1_700
const IDLE_TRANSACTIONS = 50
const CHECKPOINTS = 'bench.checkpoints'

/** Exactly-once delivery beside a bare idempotent producer, history beside a bare consumer. */
export async function bench(): Promise<BenchRow[]> {
  const given = process.env.MILEPOST_TEST_BOOTSTRAP
  const dataDir = await mkdtemp(join(tmpdir(), 'milepost-bench-'))
  const central = given ? undefined : await startCentral({ dataDir })
  const bootstrap = given ?? central!.bootstrap
  const peer = new Bare(bootstrap)
  try {
    return await compare(bootstrap, peer)
  } finally {
    peer.end()
    await central?.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function compare(bootstrap: string, peer: Bare): Promise<BenchRow[]> {
  const topics = [1, 2].map((n) => `bench.uplink.${Date.now()}.${n}`)
  const [ours, theirs] = topics
  await createTopics(bootstrap, [
    // The records tell of days long past: the broker's usual retention would take them at once.
    ...topics.map((topic) => ({ topic, partitions: 3, config: { 'retention.ms': '-1' } })),
    { topic: CHECKPOINTS, partitions: 3, config: {} },
  ])
  const sent = Array.from({ length: RECORDS }, (_, n) => recordOf(n + 1))
  const deliver = () => timeDelivery(bootstrap, ours, sent)
  const produce = () =>
    peer.run({ what: 'produce', topic: theirs, records: RECORDS, batchRecords: BARE_BATCH_RECORDS })
  const delivery = await alternate(deliver, produce)

  const stored = RECORDS * (ROUNDS + 1)
  const read = () => timeHistory(bootstrap, ours, stored)
  const consume = () =>
    peer.run({ what: 'consume', topic: ours, records: stored, batchRecords: BARE_BATCH_RECORDS })
  const reading = await alternate(read, consume)
  const idle = await idleGaps(bootstrap, ours)
  return [
    rate('exactly-once delivery of a backlog', 'bare idempotent kafkajs', RECORDS, delivery),
    rate('history read back', 'bare kafkajs consumer', stored, reading),
    {
      name: 'one record, committed, link idle',
      unit: 'ms',
      ours: idle,
      peer: 'promised bound',
      theirs: 30,
      ratio: 30 / idle,
    },
  ]
}

/** One round that does not count, then ours and theirs in turn; the medians in seconds. */
async function alternate(ours: () => Promise<number>, theirs: () => Promise<number>) {
  const seconds: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] }
  for (let round = 0; round <= ROUNDS; round++) {
    const [a, b] = [await ours(), await theirs()]
    if (round === 0) continue
    seconds.ours.push(a)
    seconds.theirs.push(b)
  }
  return { ours: median(seconds.ours), theirs: median(seconds.theirs) }
}

function rate(
  name: string,
  peer: string,
  records: number,
  seconds: { ours: number; theirs: number },
): BenchRow {
  const ours = records / seconds.ours
  const theirs = records / seconds.theirs
  return { name, unit: 'records/s', ours, peer, theirs, ratio: ours / theirs }
}

function makeUplink(bootstrap: string, topic: string) {
  return createKafkaUplink({
    brokers: [bootstrap],
    topics: { critical: topic, events: topic, telemetry: topic },
    checkpointTopic: CHECKPOINTS,
  })
}

async function timeDelivery(
  bootstrap: string,
  topic: string,
  sent: StoredRecord[],
): Promise<number> {
  const uplink = makeUplink(bootstrap, topic)
  await uplink.open(ORIGIN)
  const startMs = performance.now()
  for (let at = 0; at < sent.length; at += BATCH_RECORDS) {
    await uplink.send(sent.slice(at, at + BATCH_RECORDS))
  }
  const seconds = (performance.now() - startMs) / 1000
  await uplink.close()
  return seconds
}

async function timeHistory(bootstrap: string, topic: string, expected: number): Promise<number> {
  let startMs = 0
  let records = 0
  for await (const batch of readHistory({ brokers: [bootstrap], topic })) {
    startMs ||= performance.now()
    for (let n = 0; n < batch.length; n++) if (batch.value(n)) records++
  }
  if (records !== expected) throw new Error(`${records} records came back, not ${expected}`)
  return (performance.now() - startMs) / 1000
}

/** Transactions of one record, back to back: each meets the end of the one before it. */
async function idleGaps(bootstrap: string, topic: string): Promise<number> {
  const uplink = makeUplink(bootstrap, topic)
  await uplink.open({ ...ORIGIN, epoch: 'idle' })
  const times: number[] = []
  for (let seq = 1; seq <= IDLE_TRANSACTIONS; seq++) {
    const startMs = performance.now()
    await uplink.send([recordOf(seq)])
    times.push(performance.now() - startMs)
  }
  await uplink.close()
  return median(times)
}
