import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { Outbox } from '../../sync/outbox/outbox.ts'
import { ask } from '../control/client.ts'
import { socketPath } from '../control/socket-path.ts'
import { outboxPath } from '../data-dir.ts'
import { AgentError } from '../error.ts'
import { PACKAGE_ROOT } from '../package-root.ts'
import type { AgentStatus } from '../status.ts'
import { PROGRAM } from './program.ts'

/** Of a log, shown where an agent did not start. */
const LAST_LINES = 3

/** A vehicle of the demo and what was planted in it. */
export interface VehiclePlan {
  readonly name: string
  readonly sensor: Record<string, unknown>
  /** The kind of fault planted, if any. */
  readonly fault?: string
  /** When it begins, from the drive's first snapshot, where no reading of the drive itself tells. */
  readonly faultAtUs?: number
}

/** What a vehicle runs with besides its sensor. */
export interface Outfit {
  readonly brokers: readonly string[]
  /** The bundle that it was born with. */
  readonly bundle: string
  /** The slot that releases name, and where they come from. */
  readonly slot?: string
  readonly updates?: { readonly root: string; readonly from: string }
}

/** One vehicle: an agent in a process of its own, as on the road. */
export class Vehicle {
  readonly plan: VehiclePlan
  readonly #outfit: Outfit
  readonly #dataDir: string
  readonly #configFile: string
  #child: ChildProcess | undefined
  #last: AgentStatus | undefined
  restarts = 0

  constructor(plan: VehiclePlan, home: string, outfit: Outfit) {
    this.plan = plan
    this.#outfit = outfit
    this.#dataDir = join(home, plan.name)
    this.#configFile = join(home, `${plan.name}.yaml`)
    mkdirSync(this.#dataDir, { recursive: true })
  }

  /** How many records the outbox gave out, read from its file after the agent has stopped. */
  produced(): { epoch: string; lastSeq: number } {
    const path = outboxPath(this.#dataDir)
    const outbox = Outbox.open({ path, vehicle: this.plan.name, bootId: 'demo' })
    try {
      return { epoch: outbox.epoch, lastSeq: outbox.seq }
    } finally {
      outbox.close()
    }
  }

  get #logFile(): string {
    return join(this.#dataDir, 'agent.log')
  }

  #lastWords(): string {
    return readFileSync(this.#logFile, 'utf8').trim().split('\n').slice(-LAST_LINES).join('\n')
  }

  /** Sets out; with another sensor than the plan's, on another drive. */
  setOut(sensor = this.plan.sensor): void {
    const config = configOf(this.plan.name, sensor, this.#dataDir, this.#outfit)
    writeFileSync(this.#configFile, stringify(config))
    this.#start()
  }

  #start(): void {
    const log = openSync(this.#logFile, 'a')
    this.#child = spawn(process.execPath, [...PROGRAM, 'run', '-c', this.#configFile], {
      cwd: PACKAGE_ROOT,
      stdio: ['ignore', log, log],
    })
  }

  /** The latest answer of the agent; what it last said while it does not answer. */
  async status(): Promise<AgentStatus | undefined> {
    try {
      this.#last = await ask<AgentStatus>(socketPath(this.#dataDir), 'GET', '/status')
    } catch {
      // Starting, stopping or killed: what it said last still stands.
    }
    return this.#last
  }

  /** Waits until the agent answers; throws where it has ended instead. */
  async ready(timeoutMs = 30_000): Promise<void> {
    const deadline = Date.now() + timeoutMs
    this.#last = undefined
    while (!(await this.status())) {
      const ended = this.#child?.exitCode !== null || this.#child?.signalCode !== null
      if (ended || Date.now() > deadline) {
        throw new AgentError('RUN_FAILED', `The agent of ${this.plan.name} did not start`, {
          // The log itself goes with the demo's folder.
          hint: `Its log ends: ${this.#lastWords()}`,
        })
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  /** kill -9 in mid-work, and a new start. */
  async killAndRestart(): Promise<void> {
    await this.#end('SIGKILL')
    this.restarts++
    this.#start()
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  /** For the way out when something failed. */
  kill(): void {
    this.#child?.kill('SIGKILL')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await ended
  }
}

function configOf(
  name: string,
  sensor: Record<string, unknown>,
  dataDir: string,
  { brokers, bundle, slot, updates }: Outfit,
): unknown {
  return {
    vehicle: name,
    dataDir,
    sensors: [{ id: 'engine', bus: 'can0', ...sensor }],
    buses: { can0: { dbc: [join(PACKAGE_ROOT, 'sensors/simulator/vehicle.dbc')] } },
    campaigns: [
      { id: 'drive', signals: ['*'], sampleEveryMs: 100 },
      { id: 'gear', signals: ['*Gear*'], onChange: {}, lane: 'events' },
    ],
    models: [{ bundle, ...(slot ? { slot } : {}) }],
    ...(updates
      ? {
          updates: {
            ...updates,
            // A demo has no hour to wait: a look every two seconds, a trial of some seconds.
            check: { cron: '*/2 * * * * *', jitterSec: 0 },
            trial: { minRows: 40, minSec: 3, maxSlowShare: 0.5, maxMemoryGrowthMiB: 512 },
          },
        }
      : {}),
    uplink: brokers.length ? { kind: 'kafka', brokers } : { kind: 'none' },
  }
}
