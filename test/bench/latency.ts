import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Consumer, Kafka, Producer } from 'kafkajs'
import { startCentral } from '../../deploy/central/central.ts'
import { milepostTopics } from '../../deploy/central/topics.ts'
import { createTopics } from '../../sync/kafka/admin.ts'
import { createClient } from '../../sync/kafka/client.ts'
import { ROOT, writeConfig } from '../support/cli.ts'
import type { BenchRow } from './bench.ts'

const SECONDS = Number(process.env.SECONDS ?? 20)
/** The first seconds are those of a consumer that joins and of code that is not yet compiled. */
const WARM_SECONDS = 5
const PEER_EVERY_MS = 100
/** A machine that is busy takes its time until the agent runs. */
const START_LIMIT_MS = 240_000
const GROUP_COMMIT_MS = 50
/** How long the broker may hold back a fetch that has too little: the reader's share of the figures. */
const FETCH_WAIT_MS = 5
const LANES = ['critical', 'telemetry'] as const

/**
 * From the instant of a reading to its record in the hands of a `read_committed` consumer: an agent in
 * a process of its own, with simulator, campaigns, outbox on the disk and exactly-once uplink. The
 * peer is kafkajs alone, one message a send, to the same broker and consumer.
 */
export async function bench(): Promise<BenchRow[]> {
  const given = process.env.MILEPOST_TEST_BOOTSTRAP
  const dir = await mkdtemp(join(tmpdir(), 'milepost-latency-'))
  const central = given ? undefined : await startCentral({ dataDir: join(dir, 'central') })
  const bootstrap = given ?? central!.bootstrap
  const peerTopic = `bench.latency.${Date.now()}`
  await createTopics(bootstrap, [
    ...milepostTopics('demo'),
    { topic: peerTopic, partitions: 1, config: {} },
  ])
  const vehicle = `latency-${Date.now()}`
  const { kafka, sockets } = await createClient({ brokers: [bootstrap] })
  const seen = new Map<string, number[]>([...LANES, 'peer'].map((name) => [name, []]))
  const consumer = kafka.consumer({
    groupId: vehicle,
    readUncommitted: false,
    maxWaitTimeInMs: FETCH_WAIT_MS,
  })
  let agent: ChildProcess | undefined
  try {
    await listen(consumer, vehicle, peerTopic, seen)
    agent = await startAgent(dir, vehicle, bootstrap)
    const lateMs = performance.now() + START_LIMIT_MS
    while (LANES.some((lane) => seen.get(lane)!.length === 0)) {
      if (performance.now() > lateMs) throw new Error('no record of the agent has come')
      await sleep(PEER_EVERY_MS)
    }
    await sleep(WARM_SECONDS * 1000)
    for (const times of seen.values()) times.length = 0
    await peer(kafka, peerTopic)
    return rowsOf(seen)
  } finally {
    agent?.kill('SIGINT')
    if (agent) await once(agent, 'exit')
    await consumer.disconnect()
    sockets.destroy()
    await central?.stop()
    await rm(dir, { recursive: true, force: true })
  }
}

async function startAgent(dir: string, vehicle: string, broker: string): Promise<ChildProcess> {
  const config = {
    vehicle,
    sensors: [{ id: 'engine', kind: 'simulator', bus: 'can0', seed: 1 }],
    buses: { can0: { dbc: [join(ROOT, 'sensors/simulator/vehicle.dbc')] } },
    campaigns: [
      { id: 'alarm', signals: ['*Battery*'], onChange: { minIntervalMs: 100 }, lane: 'critical' },
      { id: 'drive', signals: ['*'], sampleEveryMs: 100 },
    ],
    outbox: { groupCommitMs: GROUP_COMMIT_MS },
    uplink: { kind: 'kafka', brokers: [broker] },
  }
  const file = writeConfig(dir, config)
  const program = join(ROOT, 'agent/cli/main.ts')
  return spawn(process.execPath, ['--import', 'tsx', program, 'run', '-c', file], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

async function listen(
  consumer: Consumer,
  vehicle: string,
  peerTopic: string,
  seen: ReadonlyMap<string, number[]>,
): Promise<void> {
  await consumer.connect()
  const topics = [...LANES.map((lane) => `milepost.${lane}`), peerTopic]
  await consumer.subscribe({ topics, fromBeginning: false })
  await consumer.run({
    eachBatch: async ({ batch }) => {
      const nowMs = performance.timeOrigin + performance.now()
      const name = batch.topic === peerTopic ? 'peer' : batch.topic.split('.')[1]
      for (const { key, headers, value } of batch.messages) {
        if (String(key) !== vehicle && name !== 'peer') continue
        const sentMs = name === 'peer' ? Number(value) : Date.parse(String(headers?.ce_time))
        seen.get(name)!.push(nowMs - sentMs)
      }
    },
  })
}

/** What kafkajs alone needs, measured while the agent runs beside it. */
async function peer(kafka: Kafka, topic: string): Promise<void> {
  const producer: Producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const endMs = performance.now() + SECONDS * 1000
  while (performance.now() < endMs) {
    const value = String(performance.timeOrigin + performance.now())
    await producer.send({ topic, messages: [{ value }] })
    await sleep(PEER_EVERY_MS)
  }
  await producer.disconnect()
}

function rowsOf(seen: ReadonlyMap<string, number[]>): BenchRow[] {
  const at = (name: string, part: number) => {
    const times = [...seen.get(name)!].sort((a, b) => a - b)
    if (times.length < 50) throw new Error(`only ${times.length} records of ${name} arrived`)
    return times[Math.floor(times.length * part)]
  }
  const settings = { critical: 'commits at once', telemetry: `groupCommitMs ${GROUP_COMMIT_MS}` }
  console.error(
    `settings: exactly-once, synchronous=FULL, fetch wait ${FETCH_WAIT_MS} ms, one broker on this machine; ${[...seen].map(([name, { length }]) => `${name} ${length}`).join(', ')} records`,
  )
  return LANES.flatMap((lane) =>
    [0.5, 0.99].map((part): BenchRow => {
      const [ours, theirs] = [at(lane, part), at('peer', part)]
      return {
        name: `reading to Kafka, ${lane}, p${part * 100}, ${settings[lane]}`,
        unit: 'ms',
        ...{ ours, theirs, peer: 'kafkajs, one message a send', ratio: theirs / ours },
      }
    }),
  )
}
