import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { stringify } from 'yaml'
import { Agent } from '../../../agent/agent.ts'
import { parseConfig } from '../../../agent/config/load.ts'
import { ask } from '../../../agent/control/client.ts'
import { socketPath } from '../../../agent/control/socket-path.ts'
import { makeLogger } from '../../../agent/log.ts'
import type { ModelStatus } from '../../../agent/models/model-slot.ts'
import type { UpdatesStatus } from '../../../agent/updates/part.ts'
import type { UpdateStep } from '../../../agent/updates/steps.ts'
import type { Look } from '../../../agent/updates/updater.ts'
import { packBundle } from '../../../models/bundle/archive.ts'
import { loadBundle } from '../../../models/bundle/load.ts'
import type { Manifest } from '../../../models/bundle/manifest.ts'
import { placeOf } from '../../../models/release/place.ts'
import { initRepository } from '../../../models/release/repository/init.ts'
import { KeyRing } from '../../../models/release/repository/keys.ts'
import { Repository } from '../../../models/release/repository/repository.ts'
import { FolderStore } from '../../../models/release/repository/store.ts'
import type { Clock } from '../../../sensors/sensor.ts'
import { forge } from '../../models/bundles.ts'
import { ROOT } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'

const PASSPHRASE = 'a passphrase for tests'

export const FACTORY = join(ROOT, 'models/bundles/simulator')

/** A desk with its repository in a folder, and vehicles that get their releases from it. */
export class Fleet {
  readonly dir: string
  readonly repository: Repository
  readonly folder: string
  readonly root: string
  readonly passphrases: string

  static async make(t: TestContext): Promise<Fleet> {
    const dir = tempDir(t)
    const keys = await KeyRing.open(join(dir, 'keys'), async () => PASSPHRASE)
    writeFileSync(join(dir, 'passphrases'), `${PASSPHRASE}\n`)
    const store = new FolderStore(join(dir, 'repository'))
    await initRepository({ store, keys })
    return new Fleet(dir, new Repository({ store, keys }))
  }

  private constructor(dir: string, repository: Repository) {
    this.dir = dir
    this.repository = repository
    this.folder = join(dir, 'repository')
    this.root = join(dir, 'keys', 'root.json')
    this.passphrases = join(dir, 'passphrases')
  }

  /** A variant of the factory's bundle; answers its folder and hash. */
  variant(
    name: string,
    change: (manifest: Manifest) => void = () => {},
  ): { dir: string; hash: string } {
    const dir = join(this.dir, 'bundles', name)
    cpSync(FACTORY, dir, { recursive: true })
    forge(dir, (manifest) => {
      manifest.description = name
      change(manifest)
    })
    return { dir, hash: loadBundle(dir).hash }
  }

  /** Publishes a bundle folder and gives it to everybody. */
  async release(version: string, dir: string): Promise<void> {
    await this.publish('bundle', 'simulator', version, await packBundle(dir))
  }

  /** Publishes a bundle and begins its rollout with the vehicle whose place comes first. */
  async staged(version: string, bytes: Uint8Array, fleet: readonly string[]): Promise<void> {
    const [first] = this.byPlace(fleet)
    const percent = (placeOf(first, 'seed') + 1) / 100
    const stages = [
      { name: 'canary', percent },
      { name: 'all', percent: 100 },
    ]
    await this.repository.add('bundle', 'simulator', version, bytes)
    await this.repository.publish()
    await this.repository.start('bundle', 'simulator', { version, stages, seed: 'seed' })
  }

  byPlace(fleet: readonly string[]): string[] {
    return [...fleet].sort((a, b) => placeOf(a, 'seed') - placeOf(b, 'seed'))
  }

  async publish(
    kind: 'bundle' | 'campaign' | 'dbc',
    name: string,
    version: string,
    bytes: Uint8Array,
  ): Promise<void> {
    await this.repository.add(kind, name, version, bytes)
    await this.repository.publish()
    await this.repository.start(kind, name, { version })
  }
}

export interface VehicleOptions {
  readonly updates?: Record<string, unknown>
  readonly more?: Record<string, unknown>
  readonly clock?: Clock
}

/** An agent in this process, its vehicle a simulated one that drives fast. */
export class TestVehicle {
  readonly dataDir: string
  readonly #t: TestContext
  readonly #fleet: Fleet
  readonly #options: VehicleOptions
  #agent: Agent | undefined

  constructor(t: TestContext, fleet: Fleet, options: VehicleOptions = {}) {
    this.dataDir = tempDir(t)
    this.#t = t
    this.#fleet = fleet
    this.#options = options
    t.after(() => this.stop())
  }

  async start(): Promise<this> {
    const { updates, more, clock } = this.#options
    const config = {
      vehicle: 'truck-1',
      dataDir: this.dataDir,
      sensors: [
        {
          id: 'engine',
          kind: 'simulator',
          seed: 7,
          speed: 20,
          timestamps: 'drive',
          rateScale: 0.2,
        },
      ],
      buses: { can0: { dbc: [join(ROOT, 'sensors/simulator/vehicle.dbc')] } },
      models: [{ bundle: FACTORY }],
      updates: {
        from: this.#fleet.folder,
        root: this.#fleet.root,
        // Only at the start and when a test asks.
        check: { cron: '0 0 1 1 *', jitterSec: 0 },
        trial: { minRows: 30, minSec: 0, maxMemoryGrowthMiB: 4096, maxSlowShare: 1 },
        ...updates,
      },
      log: { level: 'silent' },
      ...more,
    }
    const file = join(this.dataDir, 'milepost.yaml')
    writeFileSync(file, stringify(config))
    this.#agent = await Agent.start(
      parseConfig(stringify(config), file),
      makeLogger('silent'),
      clock,
    )
    return this
  }

  async stop(): Promise<void> {
    const agent = this.#agent
    this.#agent = undefined
    await agent?.stop()
  }

  status(): UpdatesStatus {
    return this.#agent?.status().parts.updates as UpdatesStatus
  }

  get running(): ModelStatus {
    const [model] = this.#agent?.status().models ?? []
    return model
  }

  get frames(): number {
    return this.#agent?.status().decode?.frames ?? 0
  }

  async look(from?: string): Promise<Look> {
    const answer = await ask<{ look: Look }>(socketPath(this.dataDir), 'POST', '/updates/look', {
      body: from ? { from } : {},
      timeoutMs: 60_000,
    })
    return answer.look
  }

  /** Waits for a step of this phase about the release of this path. */
  step(phase: string, release?: string): Promise<UpdateStep> {
    this.#t.diagnostic(`waiting for ${phase} ${release ?? ''}`)
    return until(`step ${phase} ${release ?? ''} of ${JSON.stringify(this.status()?.steps)}`, () =>
      this.status()?.steps.find(
        (step) => step.phase === phase && (!release || step.release === release),
      ),
    )
  }
}
