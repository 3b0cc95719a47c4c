import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha256Of } from '../../models/bundle/canonical.ts'
import { initRepository } from '../../models/release/repository/init.ts'
import { KeyRing } from '../../models/release/repository/keys.ts'
import { Repository } from '../../models/release/repository/repository.ts'
import { FolderStore } from '../../models/release/repository/store.ts'
import { randomOf } from '../../models/training/random.ts'
import { TYPESCRIPT } from '../support/typescript.ts'
import { ReleaseMemory } from './release-memory.ts'

export interface ReleaseKills {
  readonly kills: number
  /** Updates that lived to their end between kills. */
  readonly updates: number
  readonly releases: number
  /** Old copies of the repository that were offered and refused. */
  readonly rollbacksRefused: number
  /** Kills after which a half-fetched release was there. */
  readonly halfFetched: number
  /** What went wrong; empty is good. */
  readonly problems: readonly string[]
}

const VEHICLE = 'truck-17'
const RELEASE_BYTES = 400_000
/** A release, its rollout, and then kills until this many. */
const KILLS_PER_RELEASE = 5

/**
 * Kills an updating vehicle with SIGKILL at random steps on its disk, again and again on one folder,
 * while new releases come. After each kill the folder must hold nothing but right files and a verified
 * plan or none, must refuse every older copy of the repository than one that it has seen, and must come
 * to the newest release when it is let.
 */
export async function runReleaseKills(options: {
  seed: number
  kills: number
  progress?: (message: string) => void
}): Promise<ReleaseKills> {
  const { seed, kills, progress = () => {} } = options
  const random = randomOf(seed)
  const home = mkdtempSync(join(tmpdir(), 'milepost-release-kills-'))
  const folder = join(home, 'repository')
  const keysDir = join(home, 'keys')
  const dir = join(home, 'vehicle')
  const problems: string[] = []
  let done = 0
  let updates = 0
  let releases = 0
  let halfFetched = 0
  try {
    const keys = await KeyRing.open(keysDir, async () => 'a passphrase for tests')
    const store = new FolderStore(folder)
    const { rootPath } = await initRepository({ store, keys })
    const repository = new Repository({ store, keys })
    const root = readFileSync(rootPath)
    const memory = new ReleaseMemory({ home, repository: folder, vehicle: VEHICLE, root, problems })
    const publish = async () => {
      releases++
      const bytes = Buffer.alloc(RELEASE_BYTES, `release ${releases} `)
      await repository.add('bundle', 'engine', String(releases), bytes)
      await repository.publish()
      await repository.start('bundle', 'engine', { version: String(releases) })
      memory.keepCopy(releases)
    }
    const run = (killAt: number) => {
      const program = join(import.meta.dirname, 'release-vehicle.ts')
      const args = [
        dir,
        folder,
        rootPath,
        VEHICLE,
        String(killAt),
        String(Math.floor(random() * 1e9)),
      ]
      return new Promise<{ killed: boolean; steps: number }>((resolve, reject) => {
        const node = [...TYPESCRIPT, program, ...args]
        execFile(process.execPath, node, (error, stdout, stderr) => {
          if (!error) resolve({ killed: false, steps: Number(stdout) })
          else if (error.signal === 'SIGKILL') resolve({ killed: true, steps: killAt })
          else reject(new Error(`the vehicle failed at step ${killAt}: ${stderr}`))
        })
      })
    }
    mkdirSync(dir)
    await publish()
    let steps = (await run(0)).steps
    const check = async (what: string) => {
      for (const name of list(join(dir, 'store'))) {
        if (sha256Of(readFileSync(join(dir, 'store', name))) !== name) {
          problems.push(`${what}: store/${name} has other bytes`)
        }
      }
      if (list(join(dir, 'partial')).length > 0) halfFetched++
      const fresh = await memory.look(what, dir)
      const [engine] = (await fresh.refresh()).releases
      if (engine?.version !== String(releases)) {
        problems.push(`${what}: comes to ${engine?.version}, not to ${releases}`)
      } else if (sha256Of(readFileSync(await fresh.download(engine))) !== engine.sha256) {
        problems.push(`${what}: wrong bytes`)
      }
    }
    await check('at first')
    while (done < kills) {
      if (done % KILLS_PER_RELEASE === 0) await publish()
      const { killed, steps: taken } = await run(1 + Math.floor(random() * steps))
      if (killed) done++
      else {
        updates++
        steps = Math.max(steps, taken)
        // It had come to the newest: nothing is left to be killed in until there is another.
        await publish()
      }
      await check(`kill ${done} at step ${taken}`)
      if (done % 10 === 0 && killed)
        progress(`${done} kills, ${releases} releases, ${problems.length} problems`)
    }
    const { rollbacksRefused } = memory
    return { kills: done, updates, releases, rollbacksRefused, halfFetched, problems }
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}
