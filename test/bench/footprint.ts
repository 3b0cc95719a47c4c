// What the agent takes of a gateway, as its package installs it: a full bus, a compiled bundle, the outbox,
// the history and an uplink to Kafka. MILEPOST_INSTALLED names an unpacked package (dpkg-deb -x), which
// then runs with its own Node.js; without it the same layout is made of the checkout.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { ask } from '../../agent/control/client.ts'
import { socketPath } from '../../agent/control/socket-path.ts'
import { cpuSecOf } from '../../agent/fleet/cpu.ts'
import type { AgentStatus } from '../../agent/status.ts'
import { startCentral } from '../../deploy/central/central.ts'
import { milepostTopics } from '../../deploy/central/topics.ts'
import { createTopics } from '../../sync/kafka/admin.ts'
import { ROOT } from '../support/cli.ts'
import { layOut } from '../support/installed.ts'
import { bytesBelow, memoryOf, writtenBytes } from '../support/process.ts'
import { until } from '../support/until.ts'
import { type BenchRow, median } from './bench.ts'

/** The simulated vehicle gives 321 frames a second; 25 times that is a bus of 1 Mbit/s, full. */
const SPEED = 25
const STARTS = 5
/** By then code is compiled, and what only the start needed was let go. */
const WARM_UP_MS = 40_000
const LOOK_MS = 40_000
const HOUR_MS = 3_600_000

interface Look {
  readonly rssMb: number
  readonly pssMb: number
  readonly anonymousMb: number
  readonly percent: number
  readonly writtenMbPerHour: number
}

export async function bench(): Promise<BenchRow[]> {
  const dir = mkdtempSync(join(tmpdir(), 'milepost-bench-'))
  const given = process.env.MILEPOST_TEST_BOOTSTRAP
  const central = given ? undefined : await startCentral({ dataDir: join(dir, 'central') })
  try {
    const broker = given ?? central!.bootstrap
    await createTopics(broker, milepostTopics())
    return await compare(dir, broker)
  } finally {
    await central?.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

async function compare(dir: string, broker: string): Promise<BenchRow[]> {
  const { command, lib, node } = await layOut(dir)
  const starts: number[] = []
  const startsCpu: number[] = []
  const empty: number[] = []
  for (let n = 0; n < STARTS; n++) {
    const agent = new Installed(dir, { command, lib, broker, models: true })
    starts.push(await agent.firstReadingMs())
    startsCpu.push(cpuSecOf(agent.pid)! * 1000)
    await agent.stop()
    empty.push(await emptyStartMs(node))
  }
  console.error(`  starts: ${starts.map((ms) => ms.toFixed(0)).join(', ')} ms`)
  const ours = await look(new Installed(dir, { command, lib, broker, models: true }))
  const without = await look(new Installed(dir, { command, lib, broker, models: false }))
  const bare = await emptyMemory(node)
  const row = (name: string, unit: string, [a, peer, b]: [number, string, number]): BenchRow => ({
    name,
    unit,
    ours: a,
    peer,
    theirs: b,
    ratio: b / a,
  })
  const peer = 'an empty Node.js process'
  const model = 'the same agent without a model'
  return [
    row('agent at a full bus, resident memory', 'MB', [ours.rssMb, peer, bare.rssMb]),
    row('  its share (PSS)', 'MB', [ours.pssMb, peer, bare.pssMb]),
    row('  its own, without pages of files', 'MB', [ours.anonymousMb, peer, bare.anonymousMb]),
    row('  resident memory', 'MB', [ours.rssMb, model, without.rssMb]),
    row('  of a core', '%', [ours.percent, model, without.percent]),
    row('  written', 'MB/hour', [ours.writtenMbPerHour, model, without.writtenMbPerHour]),
    row('start to first reading', 'ms', [median(starts), peer, median(empty)]),
    row('  processor time of it', 'ms', [median(startsCpu), 'the time it took', median(starts)]),
    ...packageRow(lib),
  ]
}

/** One agent, from its start to its end. */
class Installed {
  readonly #startMs = performance.now()
  readonly #dataDir: string
  readonly #child: ChildProcess

  constructor(
    dir: string,
    options: { command: string; lib: string; broker: string; models: boolean },
  ) {
    const { command, lib, broker, models } = options
    const home = mkdtempSync(join(dir, 'agent-'))
    this.#dataDir = join(home, 'data')
    mkdirSync(this.#dataDir)
    const config = join(home, 'milepost.yaml')
    const yaml = {
      vehicle: `bench-${process.pid}-${Math.round(this.#startMs)}`,
      dataDir: this.#dataDir,
      sensors: [{ id: 'engine', kind: 'simulator', seed: 1, speed: SPEED }],
      buses: { can0: { dbc: [join(lib, 'sensors/simulator/vehicle.dbc')] } },
      campaigns: [{ id: 'drive', signals: ['*'], sampleEveryMs: 1000 }],
      models: models ? [{ bundle: join(lib, 'models/bundles/simulator') }] : [],
      uplink: { kind: 'kafka', brokers: [broker] },
      log: { level: 'error' },
    }
    writeFileSync(config, stringify(yaml))
    this.#child = spawn(command, ['run', '-c', config], { stdio: ['ignore', 'ignore', 'inherit'] })
  }

  get pid(): number {
    return this.#child.pid!
  }

  status(): Promise<AgentStatus> {
    return ask<AgentStatus>(socketPath(this.#dataDir), 'GET', '/status')
  }

  /** From its exec to the first reading that it tells of. */
  async firstReadingMs(): Promise<number> {
    await until('the first reading', async () => {
      if (this.#child.exitCode !== null) throw new Error('the agent ended')
      return ((await this.status().catch(() => undefined))?.readings ?? 0) > 0
    })
    return performance.now() - this.#startMs
  }

  async stop(): Promise<void> {
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await gone
  }
}

/** Watches an agent at work; throws where a frame was lost or nothing was delivered. */
async function look(agent: Installed): Promise<Look> {
  try {
    await agent.firstReadingMs()
    await sleep(WARM_UP_MS)
    const [cpu, written, startMs] = [
      cpuSecOf(agent.pid)!,
      writtenBytes(agent.pid),
      performance.now(),
    ]
    const before = await agent.status()
    const memory: ReturnType<typeof memoryOf>[] = []
    while (performance.now() - startMs < LOOK_MS) {
      await sleep(1000)
      memory.push(memoryOf(agent.pid))
    }
    const now = await agent.status()
    const ms = performance.now() - startMs
    const [sensor] = now.sensors
    const frames = sensor.frames - before.sensors[0].frames
    const lost = Object.values(sensor.dropped).reduce((sum, n) => sum + (n ?? 0), 0)
    if (lost > 0 || sensor.gaps > 0) throw new Error(`${lost} frames lost, ${sensor.gaps} gaps`)
    if (now.sync!.uplink.sentRecords === before.sync!.uplink.sentRecords) {
      throw new Error(`nothing was delivered: ${JSON.stringify(now.sync!.uplink)}`)
    }
    const mb = (of: (m: ReturnType<typeof memoryOf>) => number): number =>
      median(memory.map(of)) / 1e6
    const look = {
      rssMb: mb((m) => m.rssBytes),
      pssMb: mb((m) => m.pssBytes),
      anonymousMb: mb((m) => m.anonymousBytes),
      percent: ((cpuSecOf(agent.pid)! - cpu) / ms) * 100_000,
      writtenMbPerHour: ((writtenBytes(agent.pid) - written) / 1e6 / ms) * HOUR_MS,
    }
    const most = Math.max(...memory.map((m) => m.rssBytes)) / 1e6
    console.error(
      `  ${now.models[0]?.runtime ?? 'no'} model, ${((frames / ms) * 1000).toFixed(0)} frames/s: ` +
        `${look.rssMb.toFixed(1)} MB (at most ${most.toFixed(1)}), ${look.percent.toFixed(1)} % of a core`,
    )
    return look
  } finally {
    await agent.stop()
  }
}

async function emptyStartMs(node: string): Promise<number> {
  const startMs = performance.now()
  const child = spawn(node, ['-e', 'console.log(1)'], { stdio: ['ignore', 'pipe', 'ignore'] })
  await once(child.stdout, 'data')
  return performance.now() - startMs
}

async function emptyMemory(node: string): Promise<Omit<Look, 'percent' | 'writtenMbPerHour'>> {
  const child = spawn(node, ['-e', 'console.log(1); setInterval(() => {}, 1000)'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await once(child.stdout, 'data')
  await sleep(1000)
  const { rssBytes, pssBytes, anonymousBytes } = memoryOf(child.pid!)
  child.kill()
  return { rssMb: rssBytes / 1e6, pssMb: pssBytes / 1e6, anonymousMb: anonymousBytes / 1e6 }
}

/** The package beside what is in it, where one was built (`npm run deb`). */
function packageRow(lib: string): BenchRow[] {
  const folder = join(ROOT, 'dist/deb')
  const kind = `_${process.arch === 'arm64' ? 'arm64' : 'amd64'}.deb`
  const file = existsSync(folder) && readdirSync(folder).find((name) => name.endsWith(kind))
  if (!file) return []
  const packed = statSync(join(folder, file)).size / 1e6
  const installed = bytesBelow(lib) / 1e6
  return [
    {
      name: 'package',
      unit: 'MB',
      ours: packed,
      peer: 'its files, installed',
      theirs: installed,
      ratio: installed / packed,
    },
  ]
}
