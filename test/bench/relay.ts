import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { startCentral } from '../../deploy/central/central.ts'
import { createTopics } from '../../sync/kafka/admin.ts'
import type { RelayConfig } from '../../sync/relay/relay.ts'
import { RelayStore } from '../../sync/relay/store.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { auditOf, DEPOT_LINES } from '../sync/mqtt/depot.ts'
import type { BenchRow } from './bench.ts'
import type { Load } from './relay/load.ts'

const CLIENTS = Number(process.env.MILEPOST_BENCH_CLIENTS ?? 2_000)
const RECORDS_PER_SEC = Number(process.env.MILEPOST_BENCH_RATE ?? 10_000)
const SECONDS = Number(process.env.MILEPOST_BENCH_SECONDS ?? 15)
const KILLS = Number(process.env.MILEPOST_BENCH_KILLS ?? 2)
const PEER_LIMIT_MS = SECONDS * 8_000
const PARTITIONS = 3
const DRAIN_LIMIT_MS = 120_000

/** Thousands of clients through Mosquitto and the relay into Kafka, with the relay killed meanwhile. */
export async function bench(): Promise<BenchRow[]> {
  const given = process.env.MILEPOST_TEST_BOOTSTRAP
  const dir = await mkdtemp(join(tmpdir(), 'milepost-bench-relay-'))
  const central = given ? undefined : await startCentral({ dataDir: join(dir, 'central') })
  const bootstrap = given ?? central!.bootstrap
  try {
    const ours = await relayed(bootstrap, dir)
    const theirs = await bare(bootstrap)
    const name = (what: string) => `relay, ${CLIENTS} clients: ${what}`
    const rate = { unit: 'records/s', peer: 'bare mqtt.js to kafkajs, not killed', theirs }
    return [
      { name: name(`killed ${KILLS} times`), ...rate, ours: ours.rate, ratio: ours.rate / theirs },
      {
        ...{ name: name('lost or duplicated'), unit: 'records', ours: ours.wrong },
        ...{ peer: 'promised', theirs: 0, ratio: ours.wrong === 0 ? 1 : 0 },
      },
    ]
  } finally {
    await central?.stop()
    await rm(dir, { recursive: true, force: true })
  }
}

const load = (port: number, confirmedBy: Load['confirmedBy']): Load => ({
  ...{ port, clients: CLIENTS, recordsPerSec: RECORDS_PER_SEC, confirmedBy },
  records: Math.ceil((SECONDS * RECORDS_PER_SEC) / CLIENTS),
  run: `bench${Date.now()}`,
})

async function relayed(bootstrap: string, dir: string): Promise<{ rate: number; wrong: number }> {
  const { fleet } = await topicsFor(bootstrap)
  const broker = await startMosquitto({ lines: DEPOT_LINES })
  const config: RelayConfig = {
    path: join(dir, 'relay.db'),
    name: `depot-${Date.now()}`,
    broker: { url: broker.url },
    kafka: fleet.config,
    limits: { groupCommitMs: 200 },
  }
  const start = () => run('../sync/mqtt/relay-process.ts', JSON.stringify(config))
  let relay = start()
  try {
    await relay.line()
    const order = load(broker.port, 'relay')
    const total = order.clients * order.records
    const clients = run('./relay/clients.ts', JSON.stringify(order))
    await clients.line()
    const startMs = performance.now()
    const ended = clients.line()
    for (let kill = 1; kill <= KILLS; kill++) {
      await sleep((SECONDS * 1000) / (KILLS + 1))
      await end(relay.child)
      relay = start()
    }
    const { seconds } = JSON.parse(await ended) as { seconds: number }
    await emptied(config.path)
    const forwarded = (performance.now() - startMs) / 1000
    const report = await auditOf(fleet, total)
    const present = report.reduce((sum, { present }) => sum + present, 0)
    const twice = report.reduce((sum, r) => sum + r.duplicated + r.outOfOrder + r.missing, 0)
    console.error(
      `  ${total} records of ${report.length} vehicles, confirmed after ${seconds.toFixed(1)} s, all in Kafka after ${forwarded.toFixed(1)} s`,
    )
    return { rate: total / forwarded, wrong: total - present + twice }
  } finally {
    await end(relay.child)
    await broker.close()
  }
}

/** Waits until the relay has forwarded, and so released, all that it took. */
async function emptied(path: string): Promise<void> {
  const store = RelayStore.open(path)
  const endMs = performance.now() + DRAIN_LIMIT_MS
  while (store.stat().waiting.telemetry > 0 && performance.now() < endMs) await sleep(50)
  store.close()
}

async function bare(bootstrap: string): Promise<number> {
  const { topic } = await topicsFor(bootstrap)
  const broker = await startMosquitto({ lines: DEPOT_LINES })
  const order = load(broker.port, 'broker')
  const total = order.clients * order.records
  const peer = run('./relay/bare.ts', broker.url, bootstrap, topic, String(total))
  try {
    await peer.line()
    const clients = run('./relay/clients.ts', JSON.stringify(order))
    await clients.line()
    const answer = await Promise.race([peer.line(), sleep(PEER_LIMIT_MS).then(() => '')])
    await end(clients.child)
    if (answer) return total / (JSON.parse(answer) as { seconds: number }).seconds
    console.error(
      '  the bare script did not get all of them: its broker dropped what it was too slow for',
    )
    return Number.NaN
  } finally {
    await end(peer.child)
    await broker.close()
  }
}

async function topicsFor(bootstrap: string) {
  const run = `bench.relay.${Date.now()}`
  const lanes = { critical: `${run}.c`, events: `${run}.e`, telemetry: `${run}.t` }
  await createTopics(bootstrap, [
    ...Object.values(lanes).map((topic) => ({ topic, partitions: PARTITIONS, config: {} })),
    { topic: `${run}.checkpoints`, partitions: PARTITIONS, config: {} },
  ])
  const config = { brokers: [bootstrap], topics: lanes, checkpointTopic: `${run}.checkpoints` }
  return { topic: lanes.telemetry, fleet: { origin: { vehicle: '', epoch: '' }, config } }
}

function run(script: string, ...args: string[]) {
  const path = new URL(script, import.meta.url).pathname
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), path, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  const line = async (): Promise<string> => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`${script} has ended`)
    return value
  }
  return { child, line }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
