import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { releasesDir } from '../../agent/updates/held-list.ts'
import { packBundle } from '../../models/bundle/archive.ts'
import { loadBundle } from '../../models/bundle/load.ts'
import { initRepository } from '../../models/release/repository/init.ts'
import { KeyRing } from '../../models/release/repository/keys.ts'
import { Repository } from '../../models/release/repository/repository.ts'
import { FolderStore } from '../../models/release/repository/store.ts'
import { randomOf, shuffle } from '../../models/training/random.ts'
import { forge } from '../models/bundles.ts'
import { ROOT } from '../support/cli.ts'
import { layOutLib } from '../support/installed.ts'
import { ReleaseMemory } from './release-memory.ts'

const NAME = 'truck-1'
const VEHICLE = 'test/faults/update-vehicle'
const FACTORY = join(ROOT, 'models/bundles/simulator')
/** A new release comes after so many kills. */
const KILLS_PER_RELEASE = 3

export interface UpdateKills {
  readonly kills: number
  readonly releases: number
  /** Lives that came to the end of an update. */
  readonly updates: number
  /** Starts after a kill, each on a bundle that verified. */
  readonly starts: number
  /** Writes of a full update, and how many of them were the end of a life. */
  readonly steps: number
  readonly differentSteps: number
  /** Older copies of the repository that were offered after a kill and refused. */
  readonly rollbacksRefused: number
  readonly problems: readonly string[]
}

/**
 * Kills an agent with SIGKILL at seeded writes of an update, again and again on one data folder, while
 * new releases come. Every start must come up on a bundle that was released or is the config's, and once
 * it is let, on the newest one; after each kill every older copy of the repository must be refused. The
 * writes are drawn like cards: each comes once before any comes twice.
 */
export async function runUpdateKills(options: {
  seed: number
  kills: number
  progress?: (message: string) => void
}): Promise<UpdateKills> {
  const { seed, kills, progress = () => {} } = options
  const random = randomOf(seed)
  const home = mkdtempSync(join(tmpdir(), 'milepost-update-kills-'))
  const problems: string[] = []
  const known = new Set([loadBundle(FACTORY).hash])
  const tried = new Set<number>()
  let [done, updates, starts, releases] = [0, 0, 0, 0]
  try {
    // Bundled once, as the package has it: from sources each life would begin with seconds of compiling.
    const lib = join(home, 'lib')
    await layOutLib(lib, [`${VEHICLE}.ts`])
    const keys = await KeyRing.open(join(home, 'keys'), async () => 'a passphrase for tests')
    const folder = join(home, 'repository')
    const store = new FolderStore(folder)
    const { rootPath } = await initRepository({ store, keys })
    const repository = new Repository({ store, keys })
    const root = readFileSync(rootPath)
    const memory = new ReleaseMemory({ home, repository: folder, vehicle: NAME, root, problems })
    let newest = ''
    const publish = async () => {
      const version = String(++releases)
      const dir = join(home, `bundle-${version}`)
      cpSync(FACTORY, dir, { recursive: true })
      forge(dir, (manifest) => {
        manifest.description = `release ${version}`
      })
      newest = loadBundle(dir).hash
      known.add(newest)
      await repository.add('bundle', 'simulator', version, await packBundle(dir))
      await repository.publish()
      await repository.start('bundle', 'simulator', { version })
      memory.keepCopy(releases)
    }
    const config = join(home, 'milepost.yaml')
    writeFileSync(config, stringify(configOf(home, rootPath)))
    const live = (killAt: number) =>
      new Promise<{ killed: boolean; stdout: string; stderr: string }>((resolve, reject) => {
        const args = [config, String(killAt), String(Math.floor(random() * 1e9))]
        execFile(
          process.execPath,
          [join(lib, 'dist', `${VEHICLE}.js`), ...args],
          { cwd: ROOT, timeout: 120_000 },
          (error, stdout, stderr) => {
            if (!error) resolve({ killed: false, stdout, stderr })
            else if (error.signal === 'SIGKILL') resolve({ killed: true, stdout, stderr })
            else
              reject(new Error(`the agent failed (kill at ${killAt}): ${error.message} ${stderr}`))
          },
        )
      })
    /** Looks at what a life told; answers the steps of one that came to its end. */
    const look = (what: string, { killed, stdout }: { killed: boolean; stdout: string }) => {
      const [, runs] = /^runs (\w+)$/m.exec(stdout) ?? []
      const [, steps, hash] = /^done (\d+) (\w+)$/m.exec(stdout) ?? []
      if (runs) {
        starts++
        if (!known.has(runs)) problems.push(`${what}: started on ${runs}, which nobody released`)
      }
      if (killed) return 0
      updates++
      if (hash !== newest) problems.push(`${what}: came to ${hash}, not to ${newest}`)
      return Number(steps)
    }
    await publish()
    let steps = look('at first', await live(0))
    let cards = new Uint32Array()
    let card = 0
    while (done < kills) {
      if (done % KILLS_PER_RELEASE === 0) await publish()
      if (card === cards.length) {
        cards = Uint32Array.from({ length: steps }, (_, i) => i + 1)
        shuffle(cards, random)
        card = 0
      }
      const killAt = cards[card++]
      let life = await live(killAt)
      const what = `kill ${done + 1} at step ${killAt}`
      if (!life.killed) {
        // It had come to its end before that step: once more, in an update from its beginning.
        steps = Math.max(steps, look(what, life))
        await publish()
        life = await live(killAt)
      }
      const taken = look(what, life)
      await memory.look(what, releasesDir(dataDirOf(home)))
      if (!life.killed) {
        steps = Math.max(steps, taken)
        continue
      }
      done++
      tried.add(killAt)
      if (done % 10 === 0) {
        progress(`${done} kills, ${releases} releases, ${problems.length} problems`)
      }
      // Let it come to rest now and then, so that no release is barred for our kills alone.
      if (done % KILLS_PER_RELEASE === KILLS_PER_RELEASE - 1) {
        look(`rest after kill ${done}`, await live(0))
      }
    }
    look('at last', await live(0))
    const differentSteps = tried.size
    const { rollbacksRefused } = memory
    const lives = { kills: done, releases, updates, starts }
    return { ...lives, steps, differentSteps, rollbacksRefused, problems }
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

function dataDirOf(home: string): string {
  return join(home, 'data')
}

function configOf(home: string, root: string): unknown {
  return {
    vehicle: NAME,
    dataDir: dataDirOf(home),
    sensors: [
      { id: 'engine', kind: 'simulator', seed: 7, speed: 20, timestamps: 'drive', rateScale: 0.2 },
    ],
    buses: { can0: { dbc: [join(ROOT, 'sensors/simulator/vehicle.dbc')] } },
    models: [{ bundle: FACTORY }],
    updates: {
      from: join(home, 'repository'),
      root,
      check: { cron: '0 0 1 1 *', jitterSec: 0 },
      trial: { minRows: 2, minSec: 0, maxSlowShare: 1, maxMemoryGrowthMiB: 4096, maxCrashes: 10 },
    },
    log: { level: 'silent' },
  }
}
