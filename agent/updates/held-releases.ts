import type { Release } from '../../models/release/release.ts'
import type { LoadedConfig } from '../config/load.ts'
import { complaintOf } from '../error.ts'
import { type Held, readHeld, writeHeld } from './held-list.ts'
import { about, type Tell } from './steps.ts'
import { type Planned, withOne } from './with-releases.ts'

/** Campaigns and DBC files on their way in: verified and tried out at once, applied at the next start. */
export class HeldReleases {
  readonly #config: LoadedConfig
  readonly #tell: Tell
  readonly #applied = new Map<string, string>()
  #held: Held[]

  /** @param planned what the start of this agent made of those that were held */
  constructor(planned: Planned, tell: Tell) {
    const config = planned.own
    this.#config = config
    this.#tell = tell
    this.#held = readHeld(config.dataDir)
    for (const held of planned.applied) {
      this.#applied.set(keyOf(held), held.file)
      tell({ ...aboutHeld(held), phase: 'applied' })
    }
    for (const { reason, ...held } of planned.refused) {
      tell({ ...aboutHeld(held), phase: 'refused', reason })
      this.#remember({ ...held, state: 'refused', reason })
    }
  }

  wanted(release: Release): 'has' | 'barred' | 'fetch' {
    const held = this.#held.find((one) => keyOf(one) === keyOf(release))
    if (held?.file !== release.sha256) return 'fetch'
    return held.state === 'refused' ? 'barred' : 'has'
  }

  /** Sees whether the next start could take it, and writes down that it shall. */
  async tryOut(release: Release, file: string): Promise<void> {
    const { kind, name, version, path, sha256 } = release
    if (kind === 'bundle') return
    const held = { kind, name, version, release: path, file: sha256 }
    try {
      await withOne(this.#config, held, file)
    } catch (error) {
      const { code, message: reason } = complaintOf(error)
      this.#remember({ ...held, state: 'refused', reason: reason.slice(0, 1000) })
      return this.#tell({ ...about(release), phase: 'refused', code, reason })
    }
    this.#remember({ ...held, state: 'stored' })
    this.#tell({ ...about(release), phase: 'stored', reason: 'applied with the next start' })
  }

  /** Files that must stay in the store. */
  files(): string[] {
    return this.#held.map(({ file }) => file)
  }

  status(): (Omit<Held, 'state'> & { state: 'stored' | 'applied' | 'refused' })[] {
    return this.#held.map((held) => ({
      ...held,
      state: this.#applied.get(keyOf(held)) === held.file ? 'applied' : held.state,
    }))
  }

  #remember(held: Held): void {
    this.#held = [...this.#held.filter((one) => keyOf(one) !== keyOf(held)), held]
    writeHeld(this.#config.dataDir, this.#held)
  }
}

function keyOf({ kind, name }: { kind: string; name: string }): string {
  return `${kind}/${name}`
}

function aboutHeld({ kind, name, version, release, file }: Held) {
  return { kind, name, version, release, file }
}
