import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { Child } from '../../agent/fleet/child.ts'
import { CpuMeter } from '../../agent/fleet/cpu.ts'
import { makeTopics } from '../../agent/fleet/depot.ts'
import { type FleetResult, simulateFleet } from '../../agent/fleet/fleet.ts'
import { limitOf } from '../../agent/fleet/limit.ts'
import type { ClientsStatus, FleetLoad } from '../../agent/fleet/load.ts'
import { startBroker } from '../../agent/fleet/mosquitto.ts'
import { startCentral } from '../../deploy/central/central.ts'
import type { BenchRow } from './bench.ts'

const CLIENTS = Number(process.env.MILEPOST_BENCH_CLIENTS ?? 2_000)
/** More than is promised, or the promise would be all that could be measured. */
const RECORDS_PER_SEC = Number(process.env.MILEPOST_BENCH_RATE ?? 12_500)
const SECONDS = Number(process.env.MILEPOST_BENCH_SECONDS ?? 20)
const KILLS = Number(process.env.MILEPOST_BENCH_KILLS ?? 2)
const PEER_LIMIT_MS = Math.max(60_000, SECONDS * 8_000)
const PARTITIONS = 3
const MAX_QUEUED = 100_000

const shape = {
  ...{ vehicles: CLIENTS, connections: CLIENTS, recordsPerSec: RECORDS_PER_SEC },
  records: Math.ceil((SECONDS * RECORDS_PER_SEC) / CLIENTS),
}

/** Thousands of clients through Mosquitto and the relay into Kafka, with the relay killed meanwhile. */
export async function bench(): Promise<BenchRow[]> {
  const given = process.env.MILEPOST_TEST_BOOTSTRAP
  const dir = await mkdtemp(join(tmpdir(), 'milepost-bench-relay-'))
  const central = given ? undefined : await startCentral({ dataDir: join(dir, 'central') })
  const bootstrap = given ?? central!.bootstrap
  try {
    const ours = await simulateFleet({
      ...{ ...shape, bootstrap, kafkaPid: central?.pids.broker, kills: KILLS },
      ...{ partitions: PARTITIONS, signal: new AbortController().signal },
      onStep: () => {},
      onProgress: () => {},
    })
    tell(ours)
    const theirs = await bare(bootstrap, dir)
    return rows(ours, theirs)
  } finally {
    await central?.stop()
    await rm(dir, { recursive: true, force: true })
  }
}

function rows(ours: FleetResult, theirs: { rate: number; cpuUs: number }): BenchRow[] {
  const { forwardedPerSec, cpuUs } = limitOf(ours, RECORDS_PER_SEC)
  const { epochs, records } = ours.account
  const wrong = epochs.reduce(
    (sum, { missing, duplicated, outOfOrder }) => sum + missing + duplicated + outOfOrder,
    Math.abs(records - ours.records),
  )
  const name = (what: string) => `relay, ${CLIENTS} clients: ${what}`
  const peer = 'bare mqtt.js to kafkajs, not killed'
  return [
    {
      ...{ name: name(`into Kafka, killed ${KILLS} times`), unit: 'records/s', peer },
      ...{ ours: forwardedPerSec, theirs: theirs.rate, ratio: forwardedPerSec / theirs.rate },
    },
    {
      ...{ name: name('processor time'), unit: 'µs/record', peer },
      ...{ ours: cpuUs.relay, theirs: theirs.cpuUs, ratio: theirs.cpuUs / cpuUs.relay },
    },
    {
      ...{ name: name('lost or duplicated'), unit: 'records', ours: wrong },
      ...{ peer: 'promised', theirs: 0, ratio: wrong === 0 ? 1 : 0 },
    },
  ]
}

/** Whose processor time it was: the vehicles are on the same two cores as what is measured. */
function tell(ours: FleetResult): void {
  const { cpuUs, ceilingPerSec, busy, named, confirmedPerSec } = limitOf(ours, RECORDS_PER_SEC)
  const parts = Object.entries(cpuUs).map(([part, us]) => `${part} ${us.toFixed(1)}`)
  console.error(`  ${ours.records} records, ${confirmedPerSec.toFixed(0)}/s confirmed`)
  console.error(`  processor time, µs a record: ${parts.join(', ')}`)
  console.error(
    `  all processors together could do ${ceilingPerSec.toFixed(0)}/s at that price; these parts had ${(busy * 100).toFixed(0)} % of them`,
  )
  console.error(`  the limit: ${named}`)
}

async function bare(bootstrap: string, dir: string): Promise<{ rate: number; cpuUs: number }> {
  const run = `b${Date.now().toString(36)}`
  const { topics } = await makeTopics(bootstrap, PARTITIONS, run)
  const broker = await startBroker(dir, MAX_QUEUED)
  const load: FleetLoad = { ...shape, port: broker.port, run, confirmedBy: 'broker' }
  const total = load.vehicles * load.records
  const url = `mqtt://127.0.0.1:${broker.port}`
  const path = new URL('./relay/bare.ts', import.meta.url).pathname
  const peer = spawn(
    process.execPath,
    [
      ...['--import', import.meta.resolve('tsx'), path],
      url,
      bootstrap,
      topics.telemetry,
      `${total}`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const lines = createInterface({ input: peer.stdout! })[Symbol.asyncIterator]()
  const clients = new Child<ClientsStatus & { kind?: string }>('clients-process', load)
  const cpu = new CpuMeter()
  cpu.follow('peer', peer.pid!, true)
  const looking = setInterval(() => cpu.look(), 200)
  try {
    await lines.next()
    await clients.until(({ kind }) => kind === 'open')
    clients.tell({ kind: 'go' })
    const answer = await Promise.race([
      lines.next(),
      sleep(PEER_LIMIT_MS, undefined, { ref: false }),
    ])
    if (answer?.value) {
      const { seconds } = JSON.parse(answer.value) as { seconds: number }
      return { rate: total / seconds, cpuUs: (cpu.shares().peer / total) * 1e6 }
    }
    console.error('  the bare script did not get all: its broker dropped what it was too slow for')
    return { rate: Number.NaN, cpuUs: Number.NaN }
  } finally {
    clearInterval(looking)
    await clients.kill()
    peer.kill('SIGKILL')
    if (peer.exitCode === null) await once(peer, 'exit')
    broker.stop()
  }
}
