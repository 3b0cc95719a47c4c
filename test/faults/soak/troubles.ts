import { cpSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { packBundle } from '../../../models/bundle/archive.ts'
import { loadBundle } from '../../../models/bundle/load.ts'
import type { Repository } from '../../../models/release/repository/repository.ts'
import { forge } from '../../models/bundles.ts'
import { until } from '../../support/until.ts'
import type { CentralByRoad } from '../central-by-road.ts'
import type { SoakVehicle } from './vehicle.ts'

/** What troubles happen to. */
export interface Scene {
  readonly home: string
  readonly vehicle: SoakVehicle
  readonly central: CentralByRoad
  readonly repository: Repository
  readonly factory: string
  /** A file system that the data folder has for itself. */
  readonly disk: string
  readonly random: () => number
}

const MAX_CUT_BYTES_LOG10 = 6
const CUT_LIMIT_MS = 4_000
/** What a nearly full disk still has. */
const LEFT_BYTES = 300_000
const MAX_JUMP_SEC = 1_800

let releases = 0

/** Each trouble, from its beginning to its end. `downMs`: how long what is gone stays gone. */
export const TROUBLES: Readonly<Record<string, (scene: Scene, downMs: number) => Promise<void>>> = {
  'broker stopped': (scene, downMs) => brokerDown(scene, 'stop', downMs),
  'broker killed': (scene, downMs) => brokerDown(scene, 'kill', downMs),

  async 'link cut'({ central, random }, downMs) {
    await central.road.cutAfter(Math.ceil(10 ** (random() * MAX_CUT_BYTES_LOG10)), CUT_LIMIT_MS)
    await sleep(downMs)
    await central.road.link.restore()
  },

  async 'sensor unplugged'({ vehicle }, downMs) {
    await vehicle.unplug()
    await sleep(downMs)
    vehicle.plug()
  },

  async 'clock jumped'({ vehicle, random }, downMs) {
    vehicle.setClock(Math.round((random() * 2 - 1) * MAX_JUMP_SEC))
    await sleep(downMs)
    vehicle.setClock(0)
  },

  async 'disk nearly full'({ disk }, downMs) {
    const hog = join(disk, 'hog')
    const { bavail, bsize } = statfsSync(disk)
    try {
      writeFileSync(hog, Buffer.alloc(Math.max(0, bavail * bsize - LEFT_BYTES)))
    } catch {
      // The agent took the last of it first.
    }
    await sleep(downMs)
    rmSync(hog, { force: true })
  },

  /** A release reaches the vehicle, and runs in its place. */
  async 'model swapped'({ home, vehicle, repository, factory }) {
    const version = String(++releases)
    const dir = join(home, `bundle-${version}`)
    cpSync(factory, dir, { recursive: true })
    forge(dir, (manifest) => {
      manifest.description = `release ${version}`
    })
    const { hash } = loadBundle(dir)
    await repository.add('bundle', 'simulator', version, await packBundle(dir))
    await repository.publish()
    await repository.start('bundle', 'simulator', { version })
    await vehicle.look()
    const runs = async () => (await vehicle.status()).models[0].hash === hash
    await until(`release ${version} to run`, runs)
  },
}

async function brokerDown({ central }: Scene, how: 'stop' | 'kill', downMs: number): Promise<void> {
  await central.down(how)
  await sleep(downMs)
  await central.restart()
}
