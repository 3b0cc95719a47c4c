import { cpSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openReleaseClient } from '../../models/release/client.ts'
import type { ReleaseClient } from '../../models/release/release.ts'
import { FolderSource } from '../../models/release/source/folder.ts'

/**
 * What a vehicle must remember over kills: the plan that it has seen, and that every older copy of the
 * repository is to be refused. Looks at copies of the vehicle's folder, so that looking changes nothing.
 * Releases have the versions 1, 2, 3 and so on.
 */
export class ReleaseMemory {
  /** Old copies of the repository that were offered and refused. */
  rollbacksRefused = 0
  readonly problems: string[]
  readonly #home: string
  readonly #repository: string
  readonly #vehicle: string
  readonly #root: Buffer
  #seen = 0

  constructor(options: {
    home: string
    repository: string
    vehicle: string
    root: Buffer
    problems: string[]
  }) {
    this.#home = options.home
    this.#repository = options.repository
    this.#vehicle = options.vehicle
    this.#root = options.root
    this.problems = options.problems
  }

  /** Keeps a copy of the repository, to be offered once there is a newer one. */
  keepCopy(version: number): void {
    cpSync(this.#repository, this.#copyOf(version), { recursive: true })
  }

  /**
   * Looks at a vehicle's folder of releases.
   * @param what names the moment, for a problem
   * @returns a client on a copy of the folder and on the repository as it is now
   */
  async look(what: string, dir: string): Promise<ReleaseClient> {
    const copy = join(this.#home, 'look')
    rmSync(copy, { recursive: true, force: true })
    if (existsSync(dir)) cpSync(dir, copy, { recursive: true })
    const plan = await this.#client(copy, this.#repository).plan()
    const version = Number(plan?.releases[0]?.version ?? 0)
    if (plan && version < this.#seen) {
      this.problems.push(`${what}: plan of ${version} after one of ${this.#seen}`)
    }
    if (!plan && this.#seen > 0) this.problems.push(`${what}: no plan`)
    this.#seen = Math.max(this.#seen, version)
    if (this.#seen > 1) {
      const old = this.#client(copy, this.#copyOf(this.#seen - 1))
      const code = await old.refresh().then(
        () => 'taken',
        (error: { code?: string }) => error.code,
      )
      if (code === 'RELEASE_ROLLBACK') this.rollbacksRefused++
      else this.problems.push(`${what}: copy ${this.#seen - 1} after ${this.#seen}: ${code}`)
    }
    return this.#client(copy, this.#repository)
  }

  #copyOf(version: number): string {
    return join(this.#home, `copy-${version}`)
  }

  #client(dir: string, from: string): ReleaseClient {
    return openReleaseClient({
      dir,
      source: new FolderSource(from),
      vehicle: this.#vehicle,
      clock: { nowMs: Date.now, monoMs: () => performance.now() },
      trustedRoot: this.#root,
      limits: { reserveBytes: 0 },
    })
  }
}
