import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openBundle, readBundle, unpackBundle } from '../bundle/archive.ts'
import { type Bundle, loadBundle } from '../bundle/load.ts'
import { removeDrafts } from '../durable.ts'
import {
  begun,
  CRASH_LIMITS,
  type CrashLimits,
  fallen,
  givenUp,
  type Installed,
  markedGood,
  paused,
  plain,
  type SlotState,
  takenBack,
  withBarred,
  woken,
} from './state.ts'
import { readState, writeState } from './state-file.ts'

export interface SlotOptions {
  /** Folder of this slot; made where it is not there. */
  readonly dir: string
  /** Identity of this boot of the machine. */
  readonly bootId: string
  /** Wall time, microseconds: only ever told, never reckoned with. */
  readonly nowUs: () => number
  readonly crashes?: CrashLimits
}

/** Something that a start had to mend, to be told. */
export interface Mended {
  readonly hash?: string
  readonly release?: string
  readonly reason: string
}

/**
 * The bundles of one model on this vehicle: which runs, which ran before, which is being tried, and
 * which never again. Each transition is on the disk before it is acted upon, and a kill at any instant
 * leaves the state before it or after it.
 */
export class Slot {
  /** What was found broken when it was opened, and what was done about it. */
  readonly mended: readonly Mended[]
  readonly #options: SlotOptions
  #state: SlotState

  /** @throws the file system's error where the folder cannot be made or read */
  constructor(options: SlotOptions) {
    this.#options = options
    mkdirSync(this.#bundles, { recursive: true, mode: 0o750 })
    removeDrafts(options.dir)
    removeDrafts(this.#bundles)
    const mended: Mended[] = []
    const found = readState(options.dir)
    for (const name of found.damaged) mended.push({ reason: `${name} was damaged` })
    this.#state = found.state
    const limits = options.crashes ?? CRASH_LIMITS
    const after = woken(found.state, options.bootId, limits, options.nowUs())
    const { attempt } = found.state
    if (after.failed && attempt) mended.push({ ...plain(attempt), reason: after.failed })
    if (after.state !== found.state || found.damaged.length) this.#keepTrying(after.state)
    this.#removeUnused()
    this.mended = mended
  }

  get state(): SlotState {
    return this.#state
  }

  /** Why a release's file, or a bundle, is not tried again; undefined where it may be. */
  barredFor(sha256: string): string | undefined {
    return this.#state.barred.find(({ file, hash }) => file === sha256 || hash === sha256)?.reason
  }

  /** Bars a release's file that never became an attempt. */
  refuse(file: string, reason: string): void {
    this.#keepTrying(withBarred(this.#state, { file, reason, timeUs: this.#options.nowUs() }))
  }

  /**
   * The bundle to begin with, verified and opened: the current one, else the one before it, else the
   * config's. One that cannot be used any more is given up and told by `lost`; nothing is held against
   * its hash, so that the next look at the releases may bring it anew.
   * @param open makes the network ready; what it throws counts like a file that does not verify
   * @throws ModelError where not even the config's bundle can be used
   */
  async load<T>(
    factory: string,
    open: (bundle: Bundle, release?: string) => Promise<T>,
    lost: (what: Mended) => void,
  ): Promise<T> {
    for (;;) {
      const { current } = this.#state
      if (!current) return open(await openBundle(factory))
      try {
        const bundle = this.read(current.hash)
        return await open(bundle, current.release)
      } catch (error) {
        const { code = 'INTERNAL', message } = error as Error & { code?: string }
        lost({ ...plain(current), reason: `${code}: ${message}` })
        this.#keepTrying(fallen(this.#state))
      }
    }
  }

  /** Reads and verifies an installed bundle. */
  read(hash: string): Bundle {
    return loadBundle(join(this.#bundles, hash), hash)
  }

  /**
   * Puts a packed bundle onto the disk: verified, written beside its place, synced, moved there. One
   * that is there already and verifies is let be.
   * @param source path of the archive, or its bytes
   * @throws ModelError as `readBundle`
   */
  async install(source: string | Uint8Array): Promise<Bundle> {
    const { hash } = await readBundle(source)
    try {
      return this.read(hash)
    } catch {
      return unpackBundle(source, join(this.#bundles, hash), hash)
    }
  }

  /**
   * Writes down that this bundle will be loaded now. Only after it has returned may it be.
   * @throws ModelError `TRIAL_BARRED`, `TRIAL_BUSY`; the file system's error: it must not be loaded
   */
  begin(next: Installed): void {
    this.#set(begun(this.#state, next, this.#options.bootId))
  }

  /** The attempt becomes the current bundle. Throws where that cannot be written: try again later. */
  good(): void {
    this.#set(markedGood(this.#state))
    this.#removeUnused()
  }

  /** The attempt is over and barred, also where the disk no longer takes it. */
  back(reason: string): void {
    this.#keepTrying(takenBack(this.#state, reason, this.#options.nowUs()))
    this.#removeUnused()
  }

  /** The attempt is over and nothing is held against it: a refused file, or a person said so. */
  giveUp(): void {
    this.#keepTrying(givenUp(this.#state))
    this.#removeUnused()
  }

  /** A clean stop; the attempt goes on with the next start. */
  pause(shown: { rows: number; ms: number }): void {
    this.#keepTrying(paused(this.#state, shown))
  }

  get #bundles(): string {
    return join(this.#options.dir, 'bundles')
  }

  #set(next: SlotState): void {
    const numbered = { ...next, serial: this.#state.serial + 1 }
    writeState(this.#options.dir, numbered)
    this.#state = numbered
  }

  /**
   * For a step back to safety, which a full disk must not prevent: it holds in this process, and what
   * the disk still says leads a next start to the same end by way of the crash count.
   */
  #keepTrying(next: SlotState): void {
    try {
      this.#set(next)
    } catch {
      this.#state = { ...next, serial: this.#state.serial + 1 }
    }
  }

  /** Removes bundles that no state names: at most three are on the disk, and one being written. */
  #removeUnused(): void {
    const { current, previous, attempt } = this.#state
    const used = new Set([current, previous, attempt].map((one) => one?.hash))
    for (const name of readdirSync(this.#bundles)) {
      if (used.has(name)) continue
      try {
        rmSync(join(this.#bundles, name), { recursive: true, force: true })
      } catch {
        // A disk that is read-only by now; it costs space, no more.
      }
    }
  }
}
