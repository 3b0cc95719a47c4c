import { type Disk, realDisk } from './disk.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import { consistentPath, METADATA_FOLDER, TARGETS_FOLDER } from './names.ts'
import { planOf } from './plan.ts'
import type {
  DownloadProgress,
  Release,
  ReleaseClient,
  ReleaseClientOptions,
  ReleasePlan,
} from './release.ts'
import { Store } from './store.ts'
import { versionsSeen } from './trust/floor.ts'
import { Trust } from './trust/trust.ts'
import type { Walk } from './trust/verify.ts'

/** Opens the vehicle's side of a repository; touches neither disk nor network yet. */
export function openReleaseClient(
  options: ReleaseClientOptions & { readonly disk?: Disk },
): ReleaseClient {
  return new Client(options)
}

class Client implements ReleaseClient {
  readonly #options: ReleaseClientOptions
  readonly #trust: Trust
  readonly #store: Store
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: ReleaseClientOptions & { readonly disk?: Disk }) {
    const disk = options.disk ?? realDisk
    const limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#options = options
    this.#trust = new Trust({ ...options, folder: METADATA_FOLDER, limits, disk })
    this.#store = new Store(disk, options.dir, limits)
  }

  plan(): Promise<ReleasePlan | undefined> {
    return this.#alone(() => this.#trust.recall((walk) => this.#plan(walk)))
  }

  refresh(signal?: AbortSignal): Promise<ReleasePlan> {
    return this.#alone(() => this.#trust.refresh(signal, (walk) => this.#plan(walk)))
  }

  download(
    release: Pick<Release, 'path' | 'length' | 'sha256'>,
    signal?: AbortSignal,
    onProgress: (progress: DownloadProgress) => void = () => {},
  ): Promise<string> {
    const { path, length, sha256 } = release
    const wanted = {
      path: TARGETS_FOLDER + consistentPath(path, sha256),
      length,
      hashes: { sha256 },
    }
    return this.#alone(() => this.#store.fetch(this.#options.source, wanted, signal, onProgress))
  }

  stored(sha256: string): Promise<string | undefined> {
    return this.#store.find({ sha256 })
  }

  keepOnly(sha256s: Iterable<string>): Promise<number> {
    return this.#alone(() => this.#store.keepOnly(new Set(sha256s)))
  }

  async #plan(walk: Walk): Promise<ReleasePlan> {
    const releases = await planOf(walk, this.#options.vehicle)
    return { ...releases, versions: versionsSeen(walk.verified), expiresMs: walk.expiresMs() }
  }

  /** One thing at a time on one folder. */
  #alone<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(step, step)
    this.#last = turn.catch(() => {})
    return turn
  }
}
