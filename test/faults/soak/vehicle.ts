import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { ask } from '../../../agent/control/client.ts'
import { socketPath } from '../../../agent/control/socket-path.ts'
import type { AgentStatus } from '../../../agent/status.ts'
import { bytesBelow, memoryOf, openFiles, threadsOf } from '../../support/process.ts'
import { openPty, type Pty } from '../../support/pty.ts'
import { until } from '../../support/until.ts'

/** What is looked at again and again. */
export interface Sample {
  readonly atSec: number
  readonly rssBytes: number
  /** Without pages of programs, which come and go. */
  readonly anonymousBytes: number
  readonly openFiles: number
  readonly threads: number
  readonly diskBytes: number
  readonly commitP99Ms: number
  /** Age of what a collected record waits for: commit, link, broker. */
  readonly oldestMs: number
  readonly frames: number
}

export interface VehicleOptions {
  /** The `milepost` command. */
  readonly command: string
  readonly lib: string
  readonly home: string
  readonly dataDir: string
  readonly broker: string
  /** Where releases come from, and the root that they are trusted by. */
  readonly updates: { readonly from: string; readonly root: string }
}

export const VEHICLE = 'soak-1'
/** The simulated vehicle gives 321 frames a second; 25 times that is a bus of 1 Mbit/s, full. */
const SPEED = 25
const LINE_EVERY_MS = 100

/** One agent as it is installed, with a full bus, a serial line, a model, history and an uplink. */
export class SoakVehicle {
  readonly #options: VehicleOptions
  readonly #port: string
  readonly #clockFile: string
  readonly #feeding: NodeJS.Timeout
  #child: ChildProcess | undefined
  #pty: Pty | undefined
  #line = 0
  #sampleEveryMs = 1000

  constructor(options: VehicleOptions) {
    this.#options = options
    this.#port = join(options.home, 'tty')
    this.#clockFile = join(options.home, 'clock')
    mkdirSync(options.dataDir, { recursive: true })
    this.plug()
    this.#feeding = setInterval(() => {
      void this.#pty?.write(`n=${this.#line++}\n`).catch(() => {})
    }, LINE_EVERY_MS)
  }

  get pid(): number {
    return this.#child!.pid!
  }

  plug(): void {
    this.#pty ??= openPty(this.#port)
  }

  async unplug(): Promise<void> {
    const pty = this.#pty
    this.#pty = undefined
    await pty?.close()
  }

  /** Sets the wall clock of every thread of the agent. */
  setClock(offSec: number): void {
    writeFileSync(this.#clockFile, String(offSec))
  }

  async start(): Promise<void> {
    const { command, home, dataDir } = this.#options
    const config = join(home, 'milepost.yaml')
    writeFileSync(config, stringify(this.#config()))
    const log = openSync(join(home, 'agent.log'), 'a')
    this.#child = spawn(command, ['run', '-c', config], {
      stdio: ['ignore', log, log],
      env: {
        ...process.env,
        NODE_OPTIONS: `--import=${join(import.meta.dirname, 'clock-jump.mjs')}`,
        MILEPOST_TEST_CLOCK: this.#clockFile,
      },
    })
    await until(
      `readings of the agent in ${dataDir}`,
      async () => ((await this.status().catch(() => undefined))?.readings ?? 0) > 0,
    )
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    const [code] = await gone
    if (code !== 0) throw new Error(`the agent ended with ${code}`)
  }

  /** Another config, as an operator changes it: the agent is restarted with it. */
  async reconfigure(): Promise<void> {
    await this.stop()
    this.#sampleEveryMs = this.#sampleEveryMs === 1000 ? 500 : 1000
    await this.start()
  }

  /** Ends the agent if it still runs, and the serial line. */
  async end(): Promise<void> {
    clearInterval(this.#feeding)
    await this.unplug()
    if (this.#child?.exitCode === null) this.#child.kill('SIGKILL')
  }

  status(): Promise<AgentStatus> {
    return ask<AgentStatus>(socketPath(this.#options.dataDir), 'GET', '/status')
  }

  /** Has it look for updates; answers the hash of the bundle that it runs. */
  async look(): Promise<string> {
    const socket = socketPath(this.#options.dataDir)
    await ask(socket, 'POST', '/updates/look', { body: {}, timeoutMs: 60_000 })
    return (await this.status()).models[0].hash
  }

  async sample(atSec: number): Promise<Sample> {
    if (this.#child?.exitCode !== null) throw new Error('the agent ended by itself')
    const { sync, sensors, nowUs } = await this.status()
    const { lanes, outbox } = sync!
    const { rssBytes, anonymousBytes } = memoryOf(this.pid)
    const oldest = Object.values(lanes).map(({ oldestTimeUs }) => oldestTimeUs)
    return {
      atSec,
      rssBytes,
      anonymousBytes,
      openFiles: openFiles(this.pid),
      threads: threadsOf(this.pid),
      diskBytes: bytesBelow(this.#options.dataDir),
      commitP99Ms: outbox.commitP99Ms,
      oldestMs: Math.max(0, ...oldest.filter((us) => us > 0).map((us) => (nowUs - us) / 1000)),
      frames: sensors[0].frames,
    }
  }

  #config(): unknown {
    const { dataDir, lib, broker, updates } = this.#options
    return {
      vehicle: VEHICLE,
      dataDir,
      sensors: [
        { id: 'engine', kind: 'simulator', speed: SPEED },
        {
          id: 'box',
          kind: 'lines',
          port: this.#port,
          baudRate: 115200,
          format: 'key-value',
          prefix: 'Box.',
        },
      ],
      buses: { can0: { dbc: [join(lib, 'sensors/simulator/vehicle.dbc')] } },
      campaigns: [
        { id: 'drive', signals: ['*'], sampleEveryMs: this.#sampleEveryMs },
        { id: 'box', signals: ['Box.*'], onChange: {}, lane: 'events' },
      ],
      models: [{ bundle: join(lib, 'models/bundles/simulator') }],
      outbox: { maxMiB: 48, reserveMiB: 1 },
      history: { maxMiB: 16 },
      uplink: { kind: 'kafka', brokers: [broker] },
      updates: {
        ...updates,
        check: { cron: '0 0 1 1 *', jitterSec: 0 },
        trial: { minRows: 2, minSec: 0, maxSlowShare: 1, maxMemoryGrowthMiB: 4096, maxCrashes: 10 },
      },
      log: { level: 'info' },
    }
  }
}
