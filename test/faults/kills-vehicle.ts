import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { ask } from '../../agent/control/client.ts'
import { socketPath } from '../../agent/control/socket-path.ts'
import type { AgentStatus } from '../../agent/status.ts'
import type { KafkaUplinkConfig } from '../../sync/kafka/kafka-uplink.ts'
import { Outbox } from '../../sync/outbox/outbox.ts'
import { LANES } from '../../sync/record.ts'
import { Sync, type UplinkConfig } from '../../sync/sync-thread.ts'
import { ROOT } from '../support/cli.ts'
import { TYPESCRIPT } from '../support/typescript.ts'

const READY_LIMIT_MS = 90_000
const DRAIN_LIMIT_MS = 180_000

/** How many numbers an outbox has given out. */
export interface Given {
  readonly epoch: string
  readonly lastSeq: number
}

/** An agent under load, in a process of its own, and the outbox that outlives it. */
export class Victim {
  readonly name: string
  readonly #dataDir: string
  readonly #configFile: string
  readonly #uplink: Extract<UplinkConfig, { kind: 'kafka' }>
  readonly #program: readonly string[]
  #child: ChildProcess | undefined
  #given: Given | undefined

  /** @param built runs what `npm run build` made, which starts faster */
  constructor(
    name: string,
    seed: number,
    home: string,
    options: { uplink: KafkaUplinkConfig; built: boolean },
  ) {
    this.name = name
    this.#program = options.built
      ? ['dist/agent/cli/main.js']
      : [...TYPESCRIPT, 'agent/cli/main.ts']
    this.#uplink = { kind: 'kafka', ...options.uplink }
    this.#dataDir = join(home, name)
    this.#configFile = join(home, `${name}.yaml`)
    mkdirSync(this.#dataDir, { recursive: true })
    const config = {
      vehicle: name,
      dataDir: this.#dataDir,
      sensors: [{ id: 'engine', kind: 'simulator', bus: 'can0', seed, speed: 4 }],
      buses: { can0: { dbc: [join(ROOT, 'sensors/simulator/vehicle.dbc')] } },
      campaigns: [
        { id: 'all', signals: ['*'], onChange: {} },
        { id: 'engine', signals: ['Engine.*'], onChange: {}, lane: 'events' },
        { id: 'alarm', signals: ['Battery.*'], sampleEveryMs: 100, lane: 'critical' },
      ],
      uplink: this.#uplink,
    }
    writeFileSync(this.#configFile, stringify(config))
  }

  get logFile(): string {
    return join(this.#dataDir, 'agent.log')
  }

  start(): void {
    const log = openSync(this.logFile, 'a')
    this.#child = spawn(process.execPath, [...this.#program, 'run', '-c', this.#configFile], {
      cwd: ROOT,
      stdio: ['ignore', log, log],
    })
  }

  /** Resolves once the agent has made records: it answers long before that. */
  async ready(): Promise<void> {
    const deadline = Date.now() + READY_LIMIT_MS
    let why: unknown
    while (Date.now() < deadline && this.#child?.exitCode === null) {
      try {
        const { records } = await ask<AgentStatus>(socketPath(this.#dataDir), 'GET', '/status')
        if (records > 0) return
      } catch (error) {
        why = error
      }
      await sleep(50)
    }
    throw new Error(`The agent of ${this.name} makes no records; see ${this.logFile}`, {
      cause: why,
    })
  }

  /** SIGKILL. Throws where the agent had ended by itself, or its outbox forgot what it had given. */
  async kill(): Promise<void> {
    const child = this.#child
    if (!child) return
    if (child.exitCode !== null) {
      throw new Error(`The agent of ${this.name} ended by itself; see ${this.logFile}`)
    }
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
    this.#child = undefined
    this.#look()
  }

  /** Sends what waits, by the agent's own way out; answers what was given in all. */
  async drain(): Promise<Given> {
    const path = join(this.#dataDir, 'outbox.db')
    const sync = await Sync.start({
      outbox: { path, vehicle: this.name, bootId: 'drain' },
      uplink: this.#uplink,
    })
    try {
      const deadline = Date.now() + DRAIN_LIMIT_MS
      for (;;) {
        const { lanes, uplink } = sync.status()
        if (LANES.every((lane) => lanes[lane].records === 0)) break
        if (Date.now() > deadline) {
          throw new Error(`${this.name} does not drain: ${JSON.stringify(uplink)}`)
        }
        await sleep(200)
      }
    } finally {
      await sync.close()
    }
    return this.#look()!
  }

  #look(): Given | undefined {
    const outbox = Outbox.open({
      path: join(this.#dataDir, 'outbox.db'),
      vehicle: this.name,
      bootId: 'look',
    })
    const { epoch, seq: lastSeq } = outbox
    outbox.close()
    const before = this.#given
    if (before && (before.epoch !== epoch || before.lastSeq > lastSeq)) {
      throw new Error(
        `The outbox of ${this.name} was at ${before.epoch}/${before.lastSeq} and is at ${epoch}/${lastSeq}`,
      )
    }
    this.#given = { epoch, lastSeq }
    return this.#given
  }
}
