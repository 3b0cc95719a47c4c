import { createHash } from 'node:crypto'

/**
 * JSON with keys in order and no blanks: the same value is the same bytes. Numbers are written as
 * ECMAScript writes them, as RFC 8785 §3.2.2.3 has it.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (value !== null && typeof value === 'object') {
    const parts = Object.entries(value)
      .filter(([, part]) => part !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, part]) => `${JSON.stringify(key)}:${canonicalJson(part)}`)
    return `{${parts.join(',')}}`
  }
  return JSON.stringify(value)
}

export function sha256Of(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

/** The hash that stands for a bundle: its manifest lists the hash of every file. */
export function bundleHash(manifest: unknown): string {
  return sha256Of(canonicalJson(manifest))
}
