import { readFileSync, statSync } from 'node:fs'

/** A name that says that its value is a secret. */
const SECRET_NAME =
  /pass(word|wd|phrase|code)?$|pwd|secret|token|credential|api[-_]?key|private[-_]?key|access[-_]?key|auth(orization)?$|\bpin$|jaas|bearer|cookie|session[-_]?id|signature/i

export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name)
}

/** Shorter values would take words out of everything. */
const MIN_SECRET_CHARS = 4
/** Files beyond this are no secrets. */
const MAX_FILE_BYTES = 64 * 1024

/**
 * The values of the secrets that a config names, of key files, and of variables of the environment that
 * are called like one: what must be in no file, whatever it looks like.
 */
export function secretValues(config: unknown, env: NodeJS.ProcessEnv = process.env): string[] {
  const values = new Set<string>()
  const add = (value: string | undefined): void => {
    const text = value?.trim() ?? ''
    if (text.length >= MIN_SECRET_CHARS) values.add(text)
    // A key file: each of its lines would tell a part.
    for (const line of text.split(/\r?\n/)) {
      if (line.length >= 16 && !line.startsWith('-----')) values.add(line.trim())
    }
  }
  const walk = (value: unknown, key: string): void => {
    if (typeof value === 'string' && isSecretName(key)) add(value)
    if (typeof value !== 'object' || value === null) return
    for (const [name, inner] of Object.entries(value)) {
      if (typeof inner === 'string' && name === 'env') add(env[inner])
      if (
        typeof inner === 'string' &&
        (name === 'key' || (name === 'file' && secretHolder(value, key)))
      ) {
        add(contentOf(inner))
      }
      walk(inner, name)
    }
  }
  walk(config, '')
  for (const [name, value] of Object.entries(env)) if (isSecretName(name)) add(value)
  // The longest first: one may be part of another.
  return [...values].sort((a, b) => b.length - a.length)
}

/** `{ file: … }` alone, or below a name that says it: not the file of a replay. */
function secretHolder(value: object, key: string): boolean {
  return Object.keys(value).length === 1 || isSecretName(key)
}

function contentOf(path: string): string | undefined {
  try {
    return statSync(path).size <= MAX_FILE_BYTES ? readFileSync(path, 'utf8') : undefined
  } catch {
    return undefined
  }
}
