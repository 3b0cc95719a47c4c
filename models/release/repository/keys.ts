import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Key, Signature } from '@tufjs/models'
import { canonicalJson, sha256Of } from '../../bundle/canonical.ts'
import { makeFolder } from '../../durable.ts'
import { diskError } from '../disk.ts'
import { ReleaseError } from '../errors.ts'
import { writeSecret } from './secret-file.ts'

/** Asks for the passphrase of a key, by its name. */
export type Passphrases = (keyName: string, purpose: 'unlock' | 'create') => Promise<string>

/** PKCS#8 stretches a passphrase by few rounds only: its length is what protects a stolen file. */
const MIN_PASSPHRASE_CHARS = 12

/** Keys of a folder are looked at up to this many. */
const MAX_KEYS = 1_000

export interface KnownKey {
  /** As `timestamp-1`: role and number. */
  readonly name: string
  readonly key: Key
}

export type Signer = (bytes: Buffer) => Signature

/**
 * Signing keys in a folder: `<name>.pem`, ed25519 as PKCS#8, encrypted with a passphrase, and
 * `<name>.pub`, its public half, so that a key can be told without its passphrase.
 */
export class KeyRing {
  readonly dir: string
  readonly #passphrases: Passphrases
  readonly #known: Map<string, KnownKey>
  readonly #unlocked = new Map<string, KeyObject>()

  private constructor(dir: string, known: Map<string, KnownKey>, passphrases: Passphrases) {
    this.dir = dir
    this.#known = known
    this.#passphrases = passphrases
  }

  static async open(dir: string, passphrases: Passphrases): Promise<KeyRing> {
    const names = await readdir(dir).catch(() => [] as string[])
    const known = new Map<string, KnownKey>()
    for (const file of names.filter((name) => name.endsWith('.pub')).slice(0, MAX_KEYS)) {
      const key = tufKey(createPublicKey(await readFile(join(dir, file))))
      known.set(key.keyID, { name: file.slice(0, -4), key })
    }
    return new KeyRing(dir, known, passphrases)
  }

  /** Every key whose public half is here, by name. */
  list(): KnownKey[] {
    return [...this.#known.values()].sort((a, b) => a.name.localeCompare(b.name, 'en'))
  }

  nameOf(keyId: string): string | undefined {
    return this.#known.get(keyId)?.name
  }

  /** Makes a key and writes it, encrypted. */
  async create(name: string): Promise<Key> {
    const passphrase = await this.#passphrases(name, 'create')
    if (passphrase.length < MIN_PASSPHRASE_CHARS) {
      throw new ReleaseError('RELEASE_PASSPHRASE', `the passphrase of ${name} is too short`, {
        hint: `At least ${MIN_PASSPHRASE_CHARS} characters; several words are better.`,
      })
    }
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const pem = privateKey.export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase,
    })
    try {
      makeFolder(this.dir, 0o700)
    } catch (error) {
      throw diskError(`making ${this.dir}`, error)
    }
    // The secret first: a public half alone would stand for a key that nobody has.
    await writeSecret(join(this.dir, `${name}.pem`), pem as string)
    const spki = publicKey.export({ type: 'spki', format: 'pem' }) as string
    await writeSecret(join(this.dir, `${name}.pub`), spki, 0o644)
    const key = tufKey(publicKey)
    this.#known.set(key.keyID, { name, key })
    this.#unlocked.set(key.keyID, privateKey)
    return key
  }

  /** Whether the secret half of a key is in this folder. */
  async holds(keyId: string): Promise<boolean> {
    const name = this.nameOf(keyId)
    if (!name) return false
    return readFile(join(this.dir, `${name}.pem`)).then(
      () => true,
      () => false,
    )
  }

  /** @throws ReleaseError `RELEASE_KEY` where it is not here, `RELEASE_PASSPHRASE` where it stays locked */
  async signer(keyId: string): Promise<Signer> {
    const secret = this.#unlocked.get(keyId) ?? (await this.#unlock(keyId))
    this.#unlocked.set(keyId, secret)
    return (bytes) =>
      new Signature({ keyID: keyId, sig: sign(null, bytes, secret).toString('hex') })
  }

  async #unlock(keyId: string): Promise<KeyObject> {
    const name = this.nameOf(keyId)
    const pem = name && (await readFile(join(this.dir, `${name}.pem`)).catch(() => undefined))
    if (!name || !pem) throw keyMissing(name ?? `${keyId.slice(0, 12)}…`, this.dir)
    const passphrase = await this.#passphrases(name, 'unlock')
    try {
      return createPrivateKey({ key: pem, format: 'pem', passphrase })
    } catch (error) {
      throw new ReleaseError('RELEASE_PASSPHRASE', `the passphrase does not open ${name}`, {
        cause: error,
        hint: 'Each key may have its own: see `milepost release key --help` for where they are read from.',
      })
    }
  }
}

function keyMissing(name: string, dir: string): ReleaseError {
  return new ReleaseError('RELEASE_KEY', `the secret key ${name} is not in ${dir}`, {
    hint: 'Bring the stick or the machine that holds it, and give its folder with --keys.',
  })
}

function tufKey(publicKey: KeyObject): Key {
  // The last 32 bytes of an ed25519 SPKI are the key itself (RFC 8410 §4).
  const hex = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex')
  const fields = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: hex } }
  // TUF §4.2: the id of a key is the hash of its canonical form.
  return new Key({
    keyID: sha256Of(canonicalJson(fields)),
    keyType: 'ed25519',
    scheme: 'ed25519',
    keyVal: fields.keyval,
  })
}
