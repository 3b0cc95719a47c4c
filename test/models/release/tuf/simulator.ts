import {
  constants,
  createHash,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
} from 'node:crypto'
import type { TestContext } from 'node:test'
import { canonicalJson, sha256Of } from '../../../../models/bundle/canonical.ts'
import { realDisk } from '../../../../models/release/disk.ts'
import { ReleaseError } from '../../../../models/release/errors.ts'
import { DEFAULT_LIMITS } from '../../../../models/release/limits.ts'
import type { ReleaseLimits } from '../../../../models/release/release.ts'
import type { OpenOptions, ReleaseSource, SourceBytes } from '../../../../models/release/source.ts'
import { Trust } from '../../../../models/release/trust/trust.ts'
import type { Walk } from '../../../../models/release/trust/verify.ts'
import { tempDir } from '../../../support/temp-dir.ts'
import { DAY_MS, QUICK, TestClock } from '../desk.ts'

// biome-ignore lint/suspicious/noExplicitAny: metadata that is made wrong on purpose has no type
export type Json = Record<string, any>
export type Scheme = 'ed25519' | 'ecdsa' | 'rsa'

export interface TestKey {
  readonly id: string
  readonly json: Json
  readonly scheme: Scheme
  readonly secret: KeyObject
}

export function makeKey(scheme: Scheme = 'ed25519', extra: Json = {}): TestKey {
  const pair =
    scheme === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : scheme === 'ecdsa'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const json = {
    keytype: scheme,
    scheme: { ed25519: 'ed25519', ecdsa: 'ecdsa-sha2-nistp256', rsa: 'rsassa-pss-sha256' }[scheme],
    keyval: {
      public:
        scheme === 'ed25519'
          ? pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex')
          : (pair.publicKey.export({ type: 'spki', format: 'pem' }) as string),
    },
    ...extra,
  }
  return { id: sha256Of(canonicalJson(json)), json, scheme, secret: pair.privateKey }
}

export function signature(key: TestKey, signed: Json): { keyid: string; sig: string } {
  const bytes = Buffer.from(olpc(signed))
  const sig =
    key.scheme === 'rsa'
      ? signBytes('sha256', bytes, {
          key: key.secret,
          padding: constants.RSA_PKCS1_PSS_PADDING,
          saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
        })
      : signBytes(key.scheme === 'ecdsa' ? 'sha256' : null, bytes, key.secret)
  return { keyid: key.id, sig: sig.toString('hex') }
}

/** Canonical JSON as TUF signs it: line ends of a PEM stay as they are, only `\` and `"` are escaped. */
function olpc(value: unknown): string {
  return canonicalJson(value).replaceAll('\\n', '\n')
}

/** Files of a repository in memory, every request written down. */
class MemorySource implements ReleaseSource {
  readonly name = 'memory'
  readonly files = new Map<string, Buffer>()
  readonly requests: string[] = []
  /** Answers instead of the file, where it gives something. */
  answer: (path: string, options: OpenOptions) => SourceBytes | undefined = () => undefined

  async open(path: string, options: OpenOptions): Promise<SourceBytes> {
    this.requests.push(path)
    const special = this.answer(path, options)
    if (special) return special
    const bytes = this.files.get(path)
    if (!bytes) throw new ReleaseError('RELEASE_MISSING', `${path} is not there`)
    const from = options.from ?? 0
    return {
      from,
      bytes: (async function* () {
        yield bytes.subarray(from)
      })(),
    }
  }

  async close(): Promise<void> {}
}

/**
 * A TUF repository that does what it is told, lies included. Roles are plain JSON in `signed`; what
 * `publish` signs with the keys in `keys` is what a client gets.
 */
export class Simulator {
  readonly source = new MemorySource()
  readonly signed: Record<string, Json> = {}
  readonly keys: Record<string, TestKey[]> = {}
  /** Lengths and hashes of metadata files in snapshot and timestamp. */
  withHashes = false
  readonly initialRoot: Buffer

  constructor(now = Date.now()) {
    const base = (type: string) => ({
      _type: type,
      spec_version: '1.0.31',
      version: 0,
      expires: inDays(30, now),
    })
    const roles = ['root', 'timestamp', 'snapshot', 'targets']
    this.signed.root = { ...base('root'), consistent_snapshot: true, keys: {}, roles: {} }
    for (const role of roles) {
      this.signed.root.roles[role] = { keyids: [], threshold: 1 }
      this.addKey(role)
    }
    this.signed.targets = { ...base('targets'), targets: {} }
    this.signed.snapshot = { ...base('snapshot'), meta: {} }
    this.signed.timestamp = { ...base('timestamp'), meta: {} }
    this.publish('root', 'targets', 'snapshot', 'timestamp')
    this.initialRoot = this.source.files.get('1.root.json')!
  }

  addKey(role: string, key = makeKey()): TestKey {
    const { roles, keys } = this.signed.root
    keys[key.id] = key.json
    roles[role].keyids.push(key.id)
    this.keys[role] = [...(this.keys[role] ?? []), key]
    return key
  }

  /** New keys instead of all that the role had. */
  rotate(role: string): void {
    this.signed.root.roles[role].keyids = []
    this.keys[role] = []
    this.addKey(role)
  }

  /** Another delegation to a role that is there already gives it one more key. */
  delegate(
    from: string,
    role: string,
    options: { paths?: string[]; terminating?: boolean } = {},
  ): TestKey {
    const key = makeKey()
    this.keys[role] = [...(this.keys[role] ?? []), key]
    const { spec_version, expires, _type } = this.signed.targets
    this.signed[role] ??= { _type, spec_version, expires, version: 0, targets: {} }
    this.signed[from].delegations ??= { keys: {}, roles: [] }
    const { keys, roles } = this.signed[from].delegations
    keys[key.id] = key.json
    roles.push({
      name: role,
      keyids: [key.id],
      threshold: 1,
      terminating: options.terminating ?? false,
      paths: options.paths ?? ['*'],
    })
    return key
  }

  addTarget(role: string, path: string, bytes: Buffer, hashes = ['sha256']): void {
    const digest = (name: string) => createHash(name).update(bytes).digest('hex')
    this.signed[role].targets[path] = {
      length: bytes.length,
      hashes: Object.fromEntries(hashes.map((name) => [name, digest(name)])),
    }
  }

  /** Raises the version of each role, tells snapshot or timestamp, signs. */
  publish(...roles: string[]): void {
    for (const role of roles) {
      this.signed[role].version++
      this.write(role)
    }
  }

  /** Signs a role as it stands; answers what was written. */
  write(role: string, version = this.signed[role].version): Json {
    const signed = structuredClone(this.signed[role])
    const metadata = { signatures: this.keys[role].map((key) => signature(key, signed)), signed }
    this.put(role, version, metadata)
    return metadata
  }

  put(role: string, version: number, metadata: Json): void {
    const bytes = Buffer.from(JSON.stringify(metadata))
    const file =
      role === 'timestamp' ? 'timestamp.json' : `${version}.${encodeURIComponent(role)}.json`
    this.source.files.set(file, bytes)
    const meta: Json = { version: metadata.signed.version }
    if (this.withHashes) {
      Object.assign(meta, { length: bytes.length, hashes: { sha256: sha256Of(bytes) } })
    }
    if (role === 'snapshot') this.signed.timestamp.meta['snapshot.json'] = meta
    else if (role !== 'root' && role !== 'timestamp') {
      this.signed.snapshot.meta[`${role}.json`] = meta
    }
  }

  all(): void {
    this.publish('targets', 'snapshot', 'timestamp')
  }
}

export function inDays(days: number, now = Date.now()): string {
  return `${new Date(now + days * DAY_MS).toISOString().slice(0, 19)}Z`
}

/** The verifying part of a vehicle's client, over a simulator. */
export class TestClient {
  readonly dir: string
  readonly clock = new TestClock()
  readonly #simulator: Simulator
  readonly #root: Buffer
  readonly #limits: Partial<ReleaseLimits>

  constructor(
    t: TestContext,
    simulator: Simulator,
    options: { root?: Buffer; limits?: Partial<ReleaseLimits> } = {},
  ) {
    this.dir = tempDir(t)
    this.#simulator = simulator
    this.#root = options.root ?? simulator.initialRoot
    this.#limits = { ...QUICK, ...options.limits }
  }

  trust(): Trust {
    return new Trust({
      dir: this.dir,
      source: this.#simulator.source,
      folder: '',
      clock: this.clock,
      trustedRoot: this.#root,
      limits: { ...DEFAULT_LIMITS, ...this.#limits },
      disk: realDisk,
    })
  }

  /** `ok`, or the code of what went wrong; as a process of its own, that knows only the disk. */
  async refresh(use: (walk: Walk) => Promise<unknown> = async () => {}): Promise<string> {
    try {
      await this.trust().refresh(undefined, use)
      return 'ok'
    } catch (error) {
      if (error instanceof ReleaseError) return error.code
      throw error
    }
  }

  /** Whether a target is found, and what was asked for on the way beyond the top-level roles. */
  async find(path: string): Promise<{ found: boolean; asked: string[] }> {
    let found = false
    this.#simulator.source.requests.length = 0
    await this.refresh(async (walk) => {
      found = (await walk.find(path)) !== undefined
    })
    const asked = this.#simulator.source.requests.filter(
      (file) => !/^(\d+\.)?(root|timestamp|snapshot|targets)\.json$/.test(file),
    )
    return { found, asked }
  }

  /** Version of each role that is trusted. */
  async trusted(): Promise<Record<string, number>> {
    const files = await this.trust().files()
    return Object.fromEntries(
      [...files].map(([name, bytes]) => [
        decodeURIComponent(name.replace(/\.json$/, '')),
        JSON.parse(bytes.toString('utf8')).signed.version,
      ]),
    )
  }
}
