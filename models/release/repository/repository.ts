import { TargetFile, type Targets } from '@tufjs/models'
import { sha256Of } from '../../bundle/canonical.ts'
import type { RolloutEntry } from '../entry.ts'
import { ReleaseError } from '../errors.ts'
import {
  checkName,
  consistentPath,
  parseReleasePath,
  releasePath,
  TARGETS_FOLDER,
} from '../names.ts'
import type { ReleaseKind } from '../release.ts'
import { type Committed, Desk, type DeskOptions } from './desk.ts'
import { type Draft, type DraftRelease, readDraft, writeDraft } from './draft.ts'
import { copyOf } from './roles.ts'
import {
  abortedEntry,
  advancedEntry,
  approved,
  putEntry,
  type Rollout,
  rolloutsIn,
  type StartOptions,
  startedEntry,
} from './rollouts.ts'
import type { Change, State } from './state.ts'

export interface Published extends Committed {
  readonly added: readonly DraftRelease[]
  readonly withdrawn: readonly string[]
}

/** A repository of releases for who publishes: reads, signs, writes. Made by `initRepository`. */
export class Repository {
  readonly #desk: Desk

  constructor(options: DeskOptions) {
    this.#desk = new Desk(options)
  }

  /** What is published, verified. */
  load(signal?: AbortSignal): Promise<State> {
    return this.#desk.load(signal)
  }

  draft(): Promise<Draft> {
    return readDraft(this.#desk.keys.dir)
  }

  /** Brings a file into the repository, where nobody sees it, and into the draft of the next publish. */
  async add(
    kind: ReleaseKind,
    name: string,
    version: string,
    bytes: Uint8Array,
  ): Promise<DraftRelease> {
    checkName('name', name)
    checkName('version', version)
    const path = releasePath(kind, name, version)
    const release = { kind, name, version, path, length: bytes.length, sha256: sha256Of(bytes) }
    const { models } = await this.#desk.load()
    mustBeSame(models.signed, release)
    const draft = await this.draft()
    const file = TARGETS_FOLDER + consistentPath(path, release.sha256)
    await this.#desk.store.put(file, bytes)
    const others = draft.add.filter((each) => each.path !== path)
    const withdraw = draft.withdraw.filter((each) => each !== path)
    await writeDraft(this.#desk.keys.dir, { add: [...others, release], withdraw })
    return release
  }

  /** Notes in the draft that a release shall no longer be approved. */
  async withdraw(kind: ReleaseKind, name: string, version: string): Promise<void> {
    const { models, rollout } = await this.#desk.load()
    const { path } = approved(models.signed, kind, name, version)
    const user = rolloutsIn(rollout.signed).find(
      ({ entry }) => entry.candidate.path === path || entry.base?.path === path,
    )
    if (user) {
      throw new ReleaseError('RELEASE_INPUT', `${path} is in the rollout of ${user.name}`, {
        hint: 'Start a rollout of another version first, with --base none or another base.',
      })
    }
    const draft = await this.draft()
    await writeDraft(this.#desk.keys.dir, {
      add: draft.add.filter((each) => each.path !== path),
      withdraw: [...new Set([...draft.withdraw, path])],
    })
  }

  /** Signs the draft into `models`, and what has to be signed anew; then the draft is empty. */
  async publish(signal?: AbortSignal): Promise<Published> {
    const draft = await this.draft()
    let added: DraftRelease[] = []
    let withdrawn: string[] = []
    const committed = await this.#desk.commit(
      (state) => {
        const models = copyOf(state.models.signed)
        added = draft.add.filter((release) => !mustBeSame(models, release))
        withdrawn = draft.withdraw.filter((path) => delete models.targets[path])
        for (const release of added) models.addTarget(targetOf(release))
        return added.length + withdrawn.length > 0 ? { models } : {}
      },
      { offline: true, signal },
    )
    await writeDraft(this.#desk.keys.dir, { add: [], withdraw: [] })
    return { signed: committed?.signed ?? [], added, withdrawn }
  }

  /** Signs the online roles anew, so that vehicles know that nothing is held back from them. */
  renew(signal?: AbortSignal): Promise<Committed | undefined> {
    return this.#desk.commit(() => ({}), { offline: false, signal })
  }

  async releases(signal?: AbortSignal): Promise<DraftRelease[]> {
    const { models } = await this.#desk.load(signal)
    return releasesIn(models.signed)
  }

  async rollouts(signal?: AbortSignal): Promise<Rollout[]> {
    const { rollout } = await this.#desk.load(signal)
    return rolloutsIn(rollout.signed)
  }

  start(kind: ReleaseKind, name: string, options: StartOptions): Promise<Rollout> {
    return this.#change(kind, name, (current, state) =>
      startedEntry(state.models.signed, current, kind, name, options),
    )
  }

  advance(kind: ReleaseKind, name: string, toStage?: string): Promise<Rollout> {
    return this.updateRollout(kind, name, (entry) => advancedEntry(entry, toStage))
  }

  abort(kind: ReleaseKind, name: string, note?: string): Promise<Rollout> {
    return this.updateRollout(kind, name, (entry) => abortedEntry(entry, note))
  }

  /**
   * Signs a changed entry with the online keys alone: `rollout`, `snapshot`, `timestamp`.
   * @param change may be called again, with what somebody else signed meanwhile; what it throws ends it
   */
  updateRollout(
    kind: ReleaseKind,
    name: string,
    change: (entry: RolloutEntry) => RolloutEntry,
    signal?: AbortSignal,
  ): Promise<Rollout> {
    return this.#change(
      kind,
      name,
      (entry) => {
        if (entry) return change(entry)
        throw new ReleaseError('RELEASE_INPUT', `there is no rollout of ${kind} ${name}`, {
          hint: 'Start one: `milepost release rollout --help`.',
        })
      },
      signal,
    )
  }

  async #change(
    kind: ReleaseKind,
    name: string,
    change: (entry: RolloutEntry | undefined, state: State) => RolloutEntry,
    signal?: AbortSignal,
  ): Promise<Rollout> {
    let entry: RolloutEntry | undefined
    await this.#desk.commit(
      (state): Change => {
        const rollout = copyOf(state.rollout.signed)
        const before = rolloutsIn(rollout).find((each) => each.kind === kind && each.name === name)
        entry = change(before?.entry, state)
        putEntry(rollout, kind, name, entry)
        return { rollout }
      },
      { offline: false, signal },
    )
    return { kind, name, entry: entry! }
  }
}

export function releasesIn(models: Targets): DraftRelease[] {
  return Object.values(models.targets).flatMap(({ path, length, hashes }) => {
    const release = parseReleasePath(path)
    return release ? [{ ...release, path, length, sha256: hashes.sha256 }] : []
  })
}

/** True where it is published already; throws where something else is under its name. */
function mustBeSame(models: Targets, release: DraftRelease): boolean {
  const there = models.targets[release.path]
  if (!there) return false
  if (there.length === release.length && there.hashes.sha256 === release.sha256) return true
  throw new ReleaseError('RELEASE_INPUT', `${release.path} is published with other bytes`, {
    hint: 'A version never changes: give the file a new one.',
  })
}

function targetOf({ kind, name, version, path, length, sha256 }: DraftRelease): TargetFile {
  return new TargetFile({
    path,
    length,
    hashes: { sha256 },
    unrecognizedFields: { custom: { kind, name, version } },
  })
}
