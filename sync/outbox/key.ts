import { execFileSync } from 'node:child_process'
import { createHmac, scryptSync } from 'node:crypto'
import {
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { SyncError } from '../errors.ts'
import { sizeOf } from './size-of.ts'

/** Where the secret comes from: a file, or what a command prints (`tpm2_unseal -c 0x81000001`). */
export type KeySource = { readonly file: string } | { readonly command: readonly string[] }

const COMMAND_LIMIT_MS = 15_000
const MAX_SECRET_BYTES = 64 * 1024
/** Less than this can be guessed. */
const LEAST_SECRET_BYTES = 16
const KEY_BYTES = 32
/** Of our own making, so that the same secret gives another key elsewhere. */
const SALT = 'milepost outbox key 1'
const CHECK = 'milepost outbox key check 1'

/** A key that no log can hold: printed or turned to JSON it says nothing of itself. */
export class Key {
  readonly #raw: Buffer

  constructor(secret: Buffer) {
    this.#raw = scryptSync(secret, SALT, KEY_BYTES)
  }

  /** For `PRAGMA key`, and nothing else. */
  get pragma(): string {
    return `key = 'raw:${this.#raw.toString('hex')}'`
  }

  /** Tells this key from another, and tells nothing of it. */
  get check(): string {
    return createHmac('sha256', this.#raw).update(CHECK).digest('hex').slice(0, 32)
  }

  toJSON(): string {
    return '[key]'
  }
}

/** Reads the secret, anew at each call. Throws `OUTBOX_KEY`; the message never holds what was read. */
export function readKey(source: KeySource): Key {
  const where = 'file' in source ? source.file : `"${source.command.join(' ')}"`
  const secret = 'file' in source ? secretFile(source.file) : secretOf(source.command)
  // An editor's last newline is no part of it.
  const end = secret.at(-1) === 0x0a ? secret.length - 1 : secret.length
  if (end < LEAST_SECRET_BYTES) {
    throw refused(`the key from ${where} has only ${end} bytes`, {
      hint: `Give at least ${LEAST_SECRET_BYTES} bytes that nobody can guess: openssl rand -hex 32`,
    })
  }
  return new Key(secret.subarray(0, end))
}

function secretFile(file: string): Buffer {
  try {
    if (sizeOf(file) > MAX_SECRET_BYTES) throw new Error('too large for a key')
    return readFileSync(file)
  } catch (cause) {
    throw refused(`cannot read the key file ${file}: ${(cause as Error).message}`, {
      hint: 'Check that the file is there and that the user of the service may read it.',
    })
  }
}

function secretOf([program, ...args]: readonly string[]): Buffer {
  try {
    return execFileSync(program, args, {
      timeout: COMMAND_LIMIT_MS,
      maxBuffer: MAX_SECRET_BYTES,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  } catch (error) {
    // The error of a child holds what it printed: only its code goes on.
    const { code, status, signal } = error as { code?: string; status?: number; signal?: string }
    throw refused(`"${program}" gave no key (${code ?? signal ?? `exit code ${status}`})`, {
      hint: 'Run the command by hand as the user of the service; a TPM wants its access rights (group tss).',
    })
  }
}

/** `SQLite format 3`, with its zero, begins a plain database. */
const PLAIN = Buffer.from('SQLite format 3\0', 'latin1')
/** What the cipher leaves readable: page size 4096, WAL, 32 bytes reserved in each page. */
const ENCRYPTED = Buffer.from([0x10, 0x00, 0x02, 0x02, 0x20, 0x40, 0x20, 0x20])
const ENCRYPTED_AT = 16

/**
 * Says whether this key is the file's, before anything opens it: a wrong key looks like a corrupt
 * file, and must not be treated as one. Throws `OUTBOX_KEY`; the file is not touched.
 */
export function requireKey(path: string, key: Key | undefined, opens: () => boolean): void {
  const head = headOf(path)
  if (head.length === 0) return
  const plain = head.subarray(0, PLAIN.length).equals(PLAIN)
  const encrypted = !plain && head.subarray(ENCRYPTED_AT).equals(ENCRYPTED)
  const stamp = stampOf(path)
  if (!key) {
    if (!encrypted && (plain || stamp === undefined)) return
    throw refused(`${path} is encrypted, and no key is given`, {
      hint: 'Set `outbox.key` in the config to the file or command that has the key; -c names the config.',
    })
  }
  if (plain) {
    throw refused(`${path} is not encrypted, and a key is given`, {
      hint: 'Encrypt it with "milepost buffer encrypt -c CONFIG", or take `outbox.key` out of the config.',
    })
  }
  if (stamp === key.check) return
  if (stamp === undefined && opens()) return
  throw refused(`${path} is encrypted with another key`, {
    hint: 'Bring the key back that it was written with. The file was left as it is: nothing is lost yet.',
  })
}

/** Remembers which key the file has, so that damage to it can be told from a wrong key. */
export function stampKey(path: string, key: Key): void {
  if (stampOf(path) === key.check) return
  writeFileSync(stampPath(path), `${JSON.stringify({ check: key.check })}\n`, { mode: 0o600 })
}

/** Beside the outbox: tells its key from another. */
export const stampPath = (path: string) => `${path}-key.json`

function stampOf(path: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(stampPath(path), 'utf8')) as { check: string }).check
  } catch {
    return undefined
  }
}

/** Files whose beginning was read, by path: as many as this process has outboxes. */
const looked = new Map<string, number>()

/**
 * Reads through a descriptor that stays open. To close any descriptor of a file drops every lock that the
 * process has on it (fcntl(2), "Advisory record locking"), and with it SQLite's own, under which this
 * process may hold the same file open.
 */
function headOf(path: string): Buffer {
  const head = Buffer.alloc(ENCRYPTED_AT + ENCRYPTED.length)
  try {
    return head.subarray(0, readSync(descriptorOf(path), head, 0, head.length, 0))
  } catch {
    // Not there, or not to be read: whoever opens it says why.
    return Buffer.alloc(0)
  }
}

function descriptorOf(path: string): number {
  const before = looked.get(path)
  if (before !== undefined) {
    const [was, is] = [fstatSync(before), statSync(path)]
    if (was.ino === is.ino && was.dev === is.dev) return before
    // Another file lies there now: the one before was put aside, and nobody has it open.
    looked.delete(path)
    closeSync(before)
  }
  const file = openSync(path, 'r')
  looked.set(path, file)
  return file
}

function refused(message: string, { hint }: { hint: string }): SyncError {
  return new SyncError('OUTBOX_KEY', message, { hint })
}
