import { isPositionName, isPositionUnit, withoutPositions } from './positions.ts'
import { isSecretName } from './secrets.ts'

const SECRET = '[secret]'
const POSITION = '[position]'

/** PEM blocks of any kind, also where line ends are written as `\n`, and also without an end. */
const PEM = /-----BEGIN [A-Z0-9 ]+-----[\s\S]*?(-----END [A-Z0-9 ]+-----|$)/g
/** `user:password@` of an address; the password may hold anything but a space. */
const USERINFO = /([a-z][a-z0-9+.-]*:\/\/)[^\s/@"'<>]*(?:[^\s"'<>/]*)@/gi
const AUTHORIZATION = /\b(bearer|basic|digest|apikey|token)\s+[A-Za-z0-9._~+/=-]{6,}/gi
const JWT = /\beyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*){0,2}/g
const CLOUD_KEY = /\b(AKIA|ASIA|AIza|ghp_|gho_|xox[a-z]-|sk-|glpat-)[A-Za-z0-9_-]{10,}/g
/** `password=…`, `"token": "…"`, `secret: …`, up to the end of the value. */
const ASSIGNED =
  /(["']?[\w.-]*(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|credentials?|api[-_]?key|private[-_]?key|access[-_]?key|secret[-_]?(?:access[-_]?)?key|authorization|jaas\.config)["']?\s*[=:]\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;&}\]]+)/gi
/** Random text: what `openssl rand` writes. */
const RANDOM = /[A-Za-z0-9+/_-]{24,}={0,2}/g
const HEX = /\b[0-9a-fA-F]{32,}\b/g
/** The first folder of a path, which random text of base64 could look like. */
const PATH =
  /^\/?(usr|var|etc|opt|home|tmp|dev|run|lib|proc|sys|mnt|media|root|srv|boot|work|node_modules|sensors|models|agent|sync|deploy|test|dist)\//

/** Shorter ones, and these words, are written beside the word password without being one. */
const MIN_LEARNED_CHARS = 6
const NO_SECRETS = /^(undefined|missing|invalid|required|expected|expired|refused|\[.*)$/i

/**
 * Secrets that a text gives away by what stands beside them: `password=…`, `user:…@host`. They are
 * then known, and found in other places and forms too.
 */
export function secretsToldBy(text: string): string[] {
  const found = new Set<string>()
  const add = (value: string): void => {
    if (value.length >= MIN_LEARNED_CHARS && !NO_SECRETS.test(value)) found.add(value)
  }
  for (const [, , value] of text.matchAll(ASSIGNED)) {
    const bare = value.replace(/^["']|["']$/g, '')
    add(bare)
    if (value.startsWith('"')) add(unescaped(value) ?? bare)
  }
  for (const [address] of text.matchAll(USERINFO)) {
    const password = address.slice(0, -1).split(':').slice(2).join(':')
    add(password)
    add(decoded(password))
  }
  for (const [, code] of text.matchAll(/\bbasic\s+([A-Za-z0-9+/]{8,}={0,2})/gi)) {
    add(Buffer.from(code, 'base64').toString().split(':').slice(1).join(':'))
  }
  return [...found]
}

function unescaped(text: string): string | undefined {
  try {
    return String(JSON.parse(text))
  } catch {
    return undefined
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** What was taken out, for the list that is shown. */
export interface Redacted {
  secrets: number
  positions: number
}

/** Takes secrets and places out of text and of values. */
export class Redactor {
  readonly counts: Redacted = { secrets: 0, positions: 0 }
  readonly #known: readonly string[]
  readonly #harmless: ReadonlySet<string>
  readonly #positionAlias: ReadonlySet<string>

  /**
   * @param known values that must not be in anything
   * @param harmless what could be taken for a secret and is none: hashes of bundles, parts of names
   * @param aliases names that signals of a place were given
   */
  constructor(
    known: readonly string[],
    harmless: Iterable<string>,
    aliases: Iterable<string> = [],
  ) {
    this.#known = known.flatMap(formsOf)
    this.#harmless = new Set(harmless)
    this.#positionAlias = new Set(aliases)
  }

  text(text: string): string {
    let clean = text
    for (const secret of this.#known) {
      if (clean.includes(secret)) clean = this.#secret(clean.split(secret).join(SECRET), clean)
    }
    const before = clean
    clean = clean
      .replace(PEM, SECRET)
      .replace(USERINFO, `$1${SECRET}@`)
      .replace(ASSIGNED, `$1${SECRET}`)
      .replace(AUTHORIZATION, `$1 ${SECRET}`)
      .replace(JWT, SECRET)
      .replace(CLOUD_KEY, SECRET)
      .replace(HEX, (hex) => (this.#harmless.has(hex) ? hex : SECRET))
      .replace(RANDOM, (word) => (looksRandom(word) && !this.#harmless.has(word) ? SECRET : word))
    this.#secret(clean, before)
    const placed = withoutPositions(clean)
    if (placed !== clean) this.counts.positions++
    return placed
  }

  /** A copy of a value: strings as by `text`, and what its key says to be secret or a place, gone. */
  value(value: unknown, key = ''): unknown {
    if (key && isSecretName(key) && !isReference(value)) {
      if (value === undefined || value === null || typeof value === 'boolean') return value
      this.counts.secrets++
      return SECRET
    }
    if (key && this.#isPosition(key)) {
      this.counts.positions++
      return POSITION
    }
    if (typeof value === 'string') return this.text(value)
    if (Array.isArray(value)) return value.map((inner) => this.value(inner))
    if (typeof value !== 'object' || value === null) return value
    if (this.#isPlaced(value)) {
      this.counts.positions++
      return Object.fromEntries(
        Object.entries(value).map(([name, inner]) => [
          name,
          typeof inner === 'string' && !/\d\.\d/.test(inner) ? this.text(inner) : POSITION,
        ]),
      )
    }
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [this.text(name), this.value(inner, name)]),
    )
  }

  /** Whether a text still has one of the known values. */
  leaks(text: string): boolean {
    return this.#known.some((secret) => text.includes(secret))
  }

  isPositionSignal({ name, unit }: { name: string; unit: string }): boolean {
    return this.#isPosition(name) || isPositionUnit(unit)
  }

  #isPosition(name: string): boolean {
    return isPositionName(name) || this.#positionAlias.has(name)
  }

  /** An object that says of which signal it is: `{ signal, value }`, `{ name, unit, value }`. */
  #isPlaced(value: object): boolean {
    const { signal, name, unit } = value as { signal?: unknown; name?: unknown; unit?: unknown }
    return (
      (typeof signal === 'string' && this.#isPosition(signal)) ||
      (typeof name === 'string' && this.#isPosition(name)) ||
      (typeof unit === 'string' && isPositionUnit(unit))
    )
  }

  #secret(clean: string, before: string): string {
    if (clean !== before) this.counts.secrets++
    return clean
  }
}

/** `{ file }` and `{ env }` say where a secret is, not what it is. */
function isReference(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const keys = Object.keys(value)
  return keys.length > 0 && keys.every((key) => ['file', 'env', 'read', 'operate'].includes(key))
}

/** The ways in which a secret is written elsewhere. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const forms = new Set([
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('base64'),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    bytes.toString('hex'),
  ])
  return [...forms]
}

/** Names are made of words, which are at least so long on average; chance makes shorter ones. */
const MIN_WORD_CHARS = 4
const WORDS = /[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+/g
const WORD = /^([A-Z]?[a-z]+|[A-Z]+|[a-z]*\d+|([A-Z][a-z]+)+\d*)?$/

/** No path, and not made of words. */
function looksRandom(word: string): boolean {
  return !PATH.test(word) && !word.split(/[-_/+=]/).every(isWordy)
}

function isWordy(segment: string): boolean {
  if (WORD.test(segment)) return true
  return segment.length / (segment.match(WORDS)?.length ?? 1) >= MIN_WORD_CHARS
}
