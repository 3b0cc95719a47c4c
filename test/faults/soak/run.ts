import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { initRepository } from '../../../models/release/repository/init.ts'
import { KeyRing } from '../../../models/release/repository/keys.ts'
import { Repository } from '../../../models/release/repository/repository.ts'
import { FolderStore } from '../../../models/release/repository/store.ts'
import { randomOf } from '../../../models/training/random.ts'
import { auditTopics, type TopicsAccount } from '../../../sync/kafka/audit-topics.ts'
import { LANES } from '../../../sync/record.ts'
import { layOut } from '../../support/installed.ts'
import { until } from '../../support/until.ts'
import { CentralByRoad } from '../central-by-road.ts'
import { type Trend, trendsOf } from './judge.ts'
import { type Scene, TROUBLES } from './troubles.ts'
import { type Sample, SoakVehicle } from './vehicle.ts'

export interface SoakOptions {
  readonly seed: number
  readonly minutes: number
  readonly progress?: (message: string) => void
}

export interface SoakReport {
  readonly seed: number
  readonly seconds: number
  /** How often each trouble came. */
  readonly troubles: Readonly<Record<string, number>>
  readonly trends: readonly Trend[]
  readonly samples: readonly Sample[]
  readonly account: TopicsAccount
  /** Nothing lost, nothing twice, all flat. */
  readonly passed: boolean
}

const DISK_MIB = 160
/** The longest that a trouble lasts, and the calm after it, as parts of the whole. */
const DOWN_PART = 1 / 120
const MAX_DOWN_MS = 20_000
/** Of the whole: the looks after the warm-up and at the end, without troubles. */
const CALM_PART = 1 / 10
const MAX_CALM_MS = 120_000
/** By then the agent has let go of what its start needed. */
const WARM_UP_MS = 25_000
const LOOK_MS = 1_000
const SETTLED_MS = 5_000

/** An agent as it is installed, for as long as is asked, under troubles by chance; then the account. */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const home = mkdtempSync(join(tmpdir(), 'milepost-soak-'))
  const disk = mounted(join(home, 'disk'))
  const stops: (() => Promise<void>)[] = []
  try {
    const { command, lib } = await layOut(home)
    const keys = await KeyRing.open(join(home, 'keys'), async () => 'a passphrase for tests')
    const store = new FolderStore(join(home, 'repository'))
    const { rootPath } = await initRepository({ store, keys })
    const central = await CentralByRoad.start(join(home, 'central'))
    stops.push(() => central.stop())
    const updates = { from: join(home, 'repository'), root: rootPath }
    const dataDir = join(disk, 'data')
    const vehicle = new SoakVehicle({
      command,
      lib,
      home,
      dataDir,
      broker: central.broker,
      updates,
    })
    stops.unshift(() => vehicle.end())
    const repository = new Repository({ store, keys })
    const factory = join(lib, 'models/bundles/simulator')
    const random = randomOf(options.seed)
    const scene: Scene = { home, vehicle, central, repository, factory, disk, random }
    return await new Soak(scene, options).run()
  } finally {
    for (const stop of stops) await stop()
    execFileSync('umount', ['-l', disk])
    rmSync(home, { recursive: true, force: true })
  }
}

class Soak {
  readonly #scene: Scene
  readonly #options: SoakOptions
  readonly #startMs = performance.now()
  readonly #wholeMs: number
  readonly #seen: Record<string, number> = {}
  readonly #samples: Sample[] = []

  constructor(scene: Scene, options: SoakOptions) {
    this.#scene = scene
    this.#options = options
    this.#wholeMs = options.minutes * 60_000
  }

  async run(): Promise<SoakReport> {
    const { vehicle, central } = this.#scene
    await vehicle.start()
    await vehicle.reconfigure()
    this.#seen['config changed'] = 1
    // Each once before anything is compared: what a trouble loads, it loads once.
    for (const what of this.#shuffled()) await this.#trouble(what)
    await this.#calm(WARM_UP_MS)
    const calmMs = Math.min(MAX_CALM_MS, this.#wholeMs * CALM_PART)
    const before = await this.#look('after the warm-up', calmMs)
    do {
      for (const what of this.#shuffled()) {
        await this.#trouble(what)
        if (this.#leftMs() < calmMs) break
      }
    } while (this.#leftMs() > calmMs)
    await this.#settled()
    const after = await this.#look('at the end', calmMs)
    this.#tell('draining, then the account')
    await until('the last record to be delivered', async () => {
      const { sync } = await vehicle.status()
      return LANES.every((lane) => sync!.lanes[lane].records < 20)
    })
    await vehicle.stop()
    const account = await auditTopics({
      brokers: [central.bootstrap],
      topics: LANES.map((lane) => `milepost.${lane}`),
    })
    const trends = trendsOf(before, after)
    return {
      seed: this.#options.seed,
      seconds: Math.round((performance.now() - this.#startMs) / 1000),
      troubles: this.#seen,
      trends,
      samples: this.#samples,
      account,
      passed: account.balanced && trends.every(({ flat }) => flat),
    }
  }

  #leftMs(): number {
    return this.#startMs + this.#wholeMs - performance.now()
  }

  #shuffled(): string[] {
    return Object.keys(TROUBLES)
      .map((what) => ({ what, at: this.#scene.random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ what }) => what)
  }

  async #trouble(what: string): Promise<void> {
    const longestMs = Math.min(MAX_DOWN_MS, this.#wholeMs * DOWN_PART)
    await TROUBLES[what](this.#scene, this.#scene.random() * longestMs)
    this.#seen[what] = (this.#seen[what] ?? 0) + 1
    const { rssBytes } = await this.#sample()
    this.#tell(`${what}; ${(rssBytes / 1e6).toFixed(1)} MB`)
    await this.#calm(this.#scene.random() * longestMs)
  }

  /** Goes on once what waited was delivered: the troubles are over. */
  async #settled(): Promise<void> {
    await until('the backlog to go', async () => (await this.#sample()).oldestMs < SETTLED_MS)
  }

  async #calm(ms: number): Promise<void> {
    const endMs = performance.now() + ms
    while (performance.now() < endMs) {
      await sleep(Math.min(LOOK_MS, ms))
      await this.#sample()
    }
  }

  async #look(when: string, ms: number): Promise<Sample[]> {
    const from = this.#samples.length
    await this.#calm(ms)
    this.#tell(`looked ${when}`)
    return this.#samples.slice(from)
  }

  async #sample(): Promise<Sample> {
    const sample = await this.#scene.vehicle.sample((performance.now() - this.#startMs) / 1000)
    this.#samples.push(sample)
    return sample
  }

  #tell(message: string): void {
    const sec = ((performance.now() - this.#startMs) / 1000).toFixed(0)
    this.#options.progress?.(`${sec} s: ${message}`)
  }
}

/** A file system of its own, so that it can be filled. */
function mounted(path: string): string {
  mkdirSync(path)
  const options = ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'milepost-soak', path]
  try {
    execFileSync('mount', options, { stdio: 'pipe' })
  } catch (cause) {
    throw new Error('The soak fills a disk of its own: run it as a user that may mount a tmpfs', {
      cause,
    })
  }
  return path
}
