import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { auditTopics, type TopicsAccount } from '../../sync/kafka/audit-topics.ts'
import { LANES } from '../../sync/record.ts'
import { AgentError } from '../error.ts'
import { Child, ended } from './child.ts'
import { CpuMeter, type MachineTime } from './cpu.ts'
import { makeTopics, relayConfig } from './depot.ts'
import { KilledRelay } from './killed-relay.ts'
import { type ClientsStatus, type FleetLoad, vehicleOf } from './load.ts'
import { startBroker } from './mosquitto.ts'
import type { ThreadTime } from './threads.ts'

export interface FleetOptions extends Omit<FleetLoad, 'port' | 'run' | 'confirmedBy'> {
  /** `host:port` of the Kafka that everything goes into, and the broker's process, if known. */
  readonly bootstrap: string
  readonly kafkaPid?: number
  /** How often the relay is killed while the vehicles send. */
  readonly kills: number
  readonly partitions: number
  readonly signal: AbortSignal
  readonly onStep: (step: string) => void
  readonly onProgress: (progress: FleetProgress) => void
}

/** How it stands; totals since the start, twice a second. */
export interface FleetProgress {
  readonly seconds: number
  readonly clients: ClientsStatus
  /** Records in Kafka, as the relay says it. */
  readonly forwarded: number
  readonly waiting: number
  readonly relayState: string
}

export interface FleetResult {
  readonly records: number
  /** From the first record until the last one was confirmed, and until it was in Kafka. */
  readonly confirmedSec: number
  readonly forwardedSec: number
  readonly clients: ClientsStatus
  /** Seconds of processor time by part, from the first record until the last was in Kafka. */
  readonly cpuSec: Readonly<Record<string, number>>
  /** Threads of the parts and processors of the machine, over the same time. */
  readonly threads: readonly ThreadTime[]
  readonly machine: MachineTime
  readonly killed: number
  readonly account: TopicsAccount
  readonly topics: readonly string[]
}

const LOOK_MS = 500
/** Nothing moves for so long: it is not going to end. */
const STALL_MS = 120_000

/**
 * Vehicles by the thousand through a real Mosquitto and a depot's relay into Kafka, the relay killed
 * meanwhile, and the account of every record taken at the end. Everything it starts it ends.
 */
export async function simulateFleet(options: FleetOptions): Promise<FleetResult> {
  const { signal, onStep, bootstrap } = options
  const { vehicles, connections, records, recordsPerSec } = options
  const dir = await mkdtemp(join(tmpdir(), 'milepost-fleet-'))
  const letGo: (() => unknown)[] = [() => rm(dir, { recursive: true, force: true })]
  try {
    const run = `r${Date.now().toString(36)}`
    const kafka = await makeTopics(bootstrap, options.partitions, run)
    const maxQueued = Math.max(100_000, 2 * options.vehicles)
    const broker = await startBroker(dir, maxQueued)
    letGo.push(() => broker.stop())
    const cpu = new CpuMeter()
    cpu.follow('mosquitto', broker.pid, false)
    if (options.kafkaPid) cpu.follow('kafka', options.kafkaPid, false)
    const relay = new KilledRelay(relayConfig(vehicles, dir, run, broker.relay, kafka), cpu)
    letGo.push(() => relay.kill())
    await relay.live(signal)

    onStep(`${options.connections} connections for ${options.vehicles} vehicles`)
    const shape = { vehicles, connections, records, recordsPerSec }
    const load: FleetLoad = { ...shape, port: broker.port, run, confirmedBy: 'relay' }
    const clients = new Child<ClientsStatus & { kind?: string }>('clients-process', load)
    letGo.push(() => clients.kill())
    await clients.until(({ kind }) => kind === 'open', signal)
    cpu.follow('vehicles', clients.pid, false)
    cpu.begin()

    onStep(`${options.recordsPerSec} records a second, as the vehicles have them`)
    clients.tell({ kind: 'go' })
    const drive = await driveAll(options, relay, clients, cpu)
    await relay.end()

    onStep('the account: every record is read back from Kafka')
    const topics = LANES.map((lane) => kafka.topics[lane])
    const expected = Array.from({ length: vehicles }, (_, n) => ({
      ...{ vehicle: vehicleOf(run, n), epoch: run, lastSeq: records },
    }))
    const account = await auditTopics({ brokers: bootstrap.split(','), topics, expected, signal })
    return { ...drive, account, topics }
  } finally {
    for (const each of letGo.reverse()) await each()
  }
}

async function driveAll(
  options: FleetOptions,
  relay: KilledRelay,
  clients: Child<ClientsStatus>,
  cpu: CpuMeter,
): Promise<Omit<FleetResult, 'account' | 'topics'>> {
  const { vehicles, records, recordsPerSec, kills, signal, onProgress, onStep } = options
  const total = vehicles * records
  const startMs = performance.now()
  const startTimeMs = Date.now()
  const plannedSec = total / recordsPerSec
  const seconds = () => (performance.now() - startMs) / 1000
  let confirmedSec = 0
  let [moved, movedSec] = [-1, 0]
  for (;;) {
    await sleep(LOOK_MS, undefined, { signal })
    cpu.look()
    relay.look()
    const status = clients.last
    if (!status?.done && !clients.alive) throw ended('The process of the vehicles')
    if (status?.done && confirmedSec === 0) confirmedSec = seconds()
    const { forwarded, waiting, state } = relay
    if (status?.confirmed !== undefined) {
      onProgress({ seconds: seconds(), clients: status, forwarded, waiting, relayState: state })
    }
    if (status?.done && relay.empty) break
    const now = (status?.confirmed ?? 0) + forwarded
    if (now !== moved) [moved, movedSec] = [now, seconds()]
    if ((seconds() - movedSec) * 1000 > STALL_MS) {
      throw new AgentError(
        'RUN_FAILED',
        `Nothing has moved for ${STALL_MS / 1000} s; the relay is ${state}`,
        { hint: 'Look whether Kafka and Mosquitto still run; try fewer vehicles or a lower rate.' },
      )
    }
    if (relay.killed < kills && seconds() > (plannedSec * (relay.killed + 1)) / (kills + 1)) {
      onStep(`kill -9 to the relay, ${relay.killed + 1} of ${kills}`)
      await relay.killAndRestart()
    }
  }
  // By the relay's own clock: what is looked at twice a second would add half of one.
  const ackedSec = (relay.lastAckTimeUs / 1000 - startTimeMs) / 1000
  const forwardedSec = ackedSec > 0 ? ackedSec : seconds()
  cpu.look()
  const { killed } = relay
  const clientsStatus = clients.last!
  return {
    ...{ records: total, confirmedSec, forwardedSec, clients: clientsStatus, killed },
    ...{ cpuSec: cpu.shares(), threads: cpu.threads(), machine: cpu.machine() },
  }
}
