import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Snapshot, Timestamp } from '@tufjs/models'
import { realDisk } from '../disk.ts'
import { ReleaseError } from '../errors.ts'
import { DEFAULT_LIMITS } from '../limits.ts'
import { METADATA_FOLDER, releasePath, rolloutPath } from '../names.ts'
import { ISSUED_FIELD, Trust } from '../trust/trust.ts'
import type { KeyRing, Signer } from './keys.ts'
import {
  expiresIn,
  expiryDaysOf,
  isDue,
  isoSeconds,
  OFFLINE_ROLES,
  type RoleName,
} from './roles.ts'
import {
  fileOf,
  metadataBytes,
  metaFile,
  quorumOf,
  type Signed,
  signedBytes,
  signersOf,
  stamped,
} from './sign.ts'
import { type Change, mustBeValid, rootAfter, type State } from './state.ts'
import type { RepositoryStore } from './store.ts'

export interface Committed {
  /** Roles that were signed, with their new versions, in the order of writing. */
  readonly signed: readonly { readonly role: RoleName; readonly version: number }[]
}

export interface DeskOptions {
  readonly store: RepositoryStore
  readonly keys: KeyRing
  /** Milliseconds since the epoch; the machine's clock where absent. */
  readonly nowMs?: () => number
}

/** Others publish at the same time so often before one gives up. */
const MAX_CONFLICTS = 5
/** Numbers of files that others began and left. */
const MAX_ORPHANS = 100

/** Reads, signs and writes metadata, in an order in which no reader sees half of it. */
export class Desk {
  readonly store: RepositoryStore
  readonly keys: KeyRing
  readonly nowMs: () => number

  constructor(options: DeskOptions) {
    this.store = options.store
    this.keys = options.keys
    this.nowMs = options.nowMs ?? Date.now
  }

  /**
   * Reads and verifies what is published. The bucket is as little believed here as on a vehicle: else
   * whoever writes into it would get it signed. Only expiry is no obstacle, for signing anew is the cure.
   */
  async load(signal?: AbortSignal): Promise<State> {
    const trust = new Trust({
      dir: join(this.keys.dir, 'trust'),
      source: this.store,
      folder: METADATA_FOLDER,
      clock: { nowMs: () => 0, monoMs: () => 0 },
      trustedRoot: await this.#trustedRoot(),
      limits: DEFAULT_LIMITS,
      disk: realDisk,
    })
    const state = await trust.refresh(signal, async (walk) => {
      await walk.find(releasePath('bundle', 'probe', '0'))
      await walk.find(rolloutPath('bundle', 'probe'))
      const { root, timestamp, snapshot, targets } = walk.verified
      const models = walk.verified.getRole('models')
      const rollout = walk.verified.getRole('rollout')
      if (!timestamp || !snapshot || !targets || !models || !rollout) {
        throw new ReleaseError(
          'RELEASE_REPOSITORY',
          `${this.store.name} lacks a role of milepost`,
          {
            hint: 'It was made by another tool, or by hand; make one with `milepost release init`.',
          },
        )
      }
      return { root, timestamp, snapshot, targets, models, rollout }
    })
    const timestampBytes = await this.#read('timestamp.json', signal)
    return { ...state, timestampBytes }
  }

  /**
   * Signs and writes a change. Nothing is written before every key is open; the files that others may
   * already read are never changed; the timestamp, by which a reader finds all else, comes last but for
   * a new root. Killed at any point and run again, it comes to the same end.
   * @param options.offline whether keys of the offline roles may be asked for
   * @param change may be called again, with what somebody else published meanwhile; undefined when
   *   there is nothing to do
   */
  async commit(
    change: (state: State) => Promise<Change | undefined> | Change | undefined,
    options: { offline: boolean; signal?: AbortSignal },
  ): Promise<Committed | undefined> {
    for (let conflicts = 0; ; conflicts++) {
      const state = await this.load(options.signal)
      const wanted = await change(state)
      if (!wanted) return undefined
      const committed = await this.#write(state, wanted, options)
      if (committed) return committed
      if (conflicts === MAX_CONFLICTS) {
        throw new ReleaseError('RELEASE_CONFLICT', `others publish to ${this.store.name} as well`, {
          hint: 'Run it again when they have finished.',
        })
      }
    }
  }

  async #write(
    state: State,
    change: Change,
    options: { offline: boolean; signal?: AbortSignal },
  ): Promise<Committed | undefined> {
    const next = await this.#withDue(state, change, options.offline)
    const root = rootAfter(state, next)
    const days = expiryDaysOf(root)
    const signers = await this.#openKeys(state, next, options.offline)
    mustBeValid(state, next, this.nowMs())

    const written: { role: RoleName; version: number }[] = []
    const meta = { ...state.snapshot.signed.meta }
    const put = async (role: RoleName, signed: Signed) => {
      const { version, bytes } = await this.#putVersion(role, signed, signers.get(role)!)
      written.push({ role, version })
      return metaFile(version, bytes)
    }
    const expires = (role: RoleName) => expiresIn(days[role], this.nowMs())
    for (const role of ['models', 'rollout', 'targets'] as const) {
      const file = `${role}.json`
      const body = next[role]
      if (body) {
        meta[file] = await put(role, stamped(body, meta[file].version + 1, expires(role)))
      }
    }
    const { specVersion } = state.snapshot.signed
    const snapshotMeta = await put(
      'snapshot',
      new Snapshot({
        specVersion,
        version: state.snapshot.signed.version + 1,
        expires: expires('snapshot'),
        meta,
      }),
    )
    const timestamp = new Timestamp({
      specVersion,
      version: state.timestamp.signed.version + 1,
      expires: expires('timestamp'),
      snapshotMeta,
      unrecognizedFields: { [ISSUED_FIELD]: isoSeconds(this.nowMs()) },
    })
    const now = await this.#read('timestamp.json', options.signal)
    if (!now.equals(state.timestampBytes)) return undefined
    const bytes = signedBytes(timestamp, signers.get('timestamp')!)
    await this.store.put(`${METADATA_FOLDER}timestamp.json`, bytes)
    written.push({ role: 'timestamp', version: timestamp.version })
    if (next.root) {
      // Signed by the old keys too, the timestamp is good for those who have only the old root as well:
      // the new root may come last, and nobody is left between the two.
      const version = state.root.signed.version + 1
      const fresh = stamped(next.root, version, expires('root'))
      await this.#putRoot(version, signedBytes(fresh, signers.get('root')!))
      written.push({ role: 'root', version })
    } else if (next.signedRoot) {
      await this.#putRoot(root.version, metadataBytes(next.signedRoot))
      written.push({ role: 'root', version: root.version })
    }
    return { signed: written }
  }

  /**
   * Whoever signs each role of the change, every key open. A new root is signed by the old quorum and the
   * new one; of the other roles the old keys sign too where they are at hand, for who has the old root.
   */
  async #openKeys(
    state: State,
    next: Change,
    offline: boolean,
  ): Promise<ReadonlyMap<RoleName, Signer[]>> {
    const root = rootAfter(state, next)
    const targets = next.targets ?? state.targets.signed
    const quorum = (role: RoleName) => quorumOf(root, targets, role)
    const before = (role: RoleName) => quorumOf(state.root.signed, state.targets.signed, role)
    const signers = new Map<RoleName, Signer[]>()
    for (const role of ['models', 'rollout', 'targets', 'root'] as const) {
      if (!next[role]) continue
      if (OFFLINE_ROLES.has(role) && !offline) {
        throw new ReleaseError('RELEASE_KEY', `${role} is signed offline`)
      }
      const required = role === 'root' ? [before(role), quorum(role)] : [quorum(role)]
      const welcome = role === 'root' ? undefined : before(role)
      signers.set(role, await signersOf(this.keys, role, required, welcome))
    }
    for (const role of ['snapshot', 'timestamp'] as const) {
      signers.set(role, await signersOf(this.keys, role, [quorum(role)], before(role)))
    }
    return signers
  }

  /** Adds what is to be signed anew because its days are nearly over, where its keys are at hand. */
  async #withDue(state: State, change: Change, offline: boolean): Promise<Change> {
    const days = expiryDaysOf(rootAfter(state, change))
    const due: { -readonly [K in keyof Change]: Change[K] } = { ...change }
    for (const role of ['models', 'rollout', 'targets'] as const) {
      const { signed } = state[role]
      if (due[role] || !isDue(role, signed.expires, days, this.nowMs())) continue
      if (OFFLINE_ROLES.has(role) && !offline) continue
      const { keyIds } = quorumOf(state.root.signed, state.targets.signed, role)
      const held = await Promise.all(keyIds.map((id) => this.keys.holds(id)))
      if (held.some(Boolean)) due[role] = signed
    }
    return due
  }

  /** Writes the next free version: what is there may have been read, and is never changed. */
  async #putVersion(role: RoleName, signed: Signed, signers: readonly Signer[]) {
    const { version: first, expires } = signed
    for (let version = first; version < first + MAX_ORPHANS; version++) {
      const bytes = signedBytes(stamped(signed, version, expires), signers)
      const path = METADATA_FOLDER + fileOf(role, version)
      if (await this.store.put(path, bytes, { ifAbsent: true })) return { version, bytes }
    }
    throw new ReleaseError('RELEASE_REPOSITORY', `${MAX_ORPHANS} unused versions of ${role}`, {
      hint: `Somebody else writes into ${this.store.name}; look who may.`,
    })
  }

  async #putRoot(version: number, bytes: Buffer): Promise<void> {
    const path = METADATA_FOLDER + fileOf('root', version)
    if (await this.store.put(path, bytes, { ifAbsent: true })) return
    throw new ReleaseError('RELEASE_CONFLICT', `root ${version} was published meanwhile`, {
      hint: 'Run it again: it goes on from that root.',
    })
  }

  async #read(file: string, signal: AbortSignal | undefined): Promise<Buffer> {
    const { bytes } = await this.store.open(METADATA_FOLDER + file, {
      signal: signal ?? new AbortController().signal,
    })
    const chunks: Uint8Array[] = []
    for await (const chunk of bytes) chunks.push(chunk)
    return Buffer.concat(chunks)
  }

  async #trustedRoot(): Promise<Buffer> {
    const path = join(this.keys.dir, 'root.json')
    return readFile(path).catch((error) => {
      throw new ReleaseError('RELEASE_REPOSITORY', `${path} is not there`, {
        cause: error,
        hint: 'It comes with `milepost release init`; to sign on another machine, copy it there with the keys.',
      })
    })
  }
}
