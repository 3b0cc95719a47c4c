import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { AgentError } from '../error.ts'
import type { Logger } from '../log.ts'
import type { WebSettings } from './settings.ts'

/** What a caller may do: nothing, look, or also change things. */
export type Allowed = 'nothing' | 'read' | 'operate'

/** Shorter ones can be guessed. */
const MIN_TOKEN_CHARS = 16
const HINT = 'Make one: openssl rand -base64 24 > FILE && chmod 600 FILE'

/**
 * The tokens of the page. Only their digests are kept, so that no dump or log of this object tells them,
 * and digests are of one length, so that comparing takes the same time whatever was sent.
 */
export class Tokens {
  readonly #read: Buffer | undefined
  readonly #operate: Buffer | undefined

  constructor(tokens: WebSettings['tokens'], log: Logger) {
    this.#read = digestOf('read', tokens.read, log)
    this.#operate = digestOf('operate', tokens.operate, log)
  }

  /** True where nobody may look without one. */
  get needed(): boolean {
    return this.#read !== undefined || this.#operate !== undefined
  }

  /** @param header `Authorization` of the request, RFC 6750 §2.1 */
  allowed(header: string | undefined): Allowed {
    const sent = digest(/^Bearer +(\S{1,512})$/i.exec(header ?? '')?.[1] ?? '')
    // Both are always compared: the time tells nothing of which one was near.
    const operates = same(sent, this.#operate)
    const reads = same(sent, this.#read)
    if (operates) return 'operate'
    return reads || !this.needed ? 'read' : 'nothing'
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

function same(sent: Buffer, kept: Buffer | undefined): boolean {
  return timingSafeEqual(sent, kept ?? Buffer.alloc(sent.length)) && kept !== undefined
}

type Secret = { file: string } | { env: string }

function digestOf(role: string, secret: Secret | undefined, log: Logger): Buffer | undefined {
  if (!secret) return undefined
  const where = 'file' in secret ? secret.file : `the variable ${secret.env}`
  const token =
    'file' in secret ? fromFile(role, secret.file, log) : process.env[secret.env]?.trim()
  if (!token || token.length < MIN_TOKEN_CHARS || /\s/.test(token)) {
    throw new AgentError(
      'WEB_TOKEN',
      `The ${role} token in ${where} has to be one word of at least ${MIN_TOKEN_CHARS} characters.`,
      { hint: HINT },
    )
  }
  return digest(token)
}

function fromFile(role: string, file: string, log: Logger): string {
  try {
    if (statSync(file).mode & 0o004) {
      log.warn({ file }, `everybody on this machine can read the ${role} token: chmod o-r ${file}`)
    }
    return readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw new AgentError(
      'WEB_TOKEN',
      `Cannot read the ${role} token: ${(cause as Error).message}`,
      {
        cause,
        hint: HINT,
      },
    )
  }
}
