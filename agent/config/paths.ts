import { resolve } from 'node:path'

/** Keys that name files, as dotted paths, in an uplink and in a relay's broker. */
export const UPLINK_PATHS = [
  'tls.ca',
  'tls.cert',
  'tls.key',
  'sasl.password.file',
  'sasl.token.file',
  'password.file',
] as const

/** A copy of `holder` in which the files that these dotted keys name are absolute, from `base`. */
export function withPaths<T extends object>(holder: T, keys: readonly string[], base: string): T {
  const copy = structuredClone(holder)
  for (const path of keys) {
    const way = path.split('.')
    const last = way.pop() as string
    let parent: unknown = copy
    for (const key of way) parent = (parent as Record<string, unknown> | undefined)?.[key]
    if (typeof parent !== 'object' || parent === null) continue
    const found = parent as Record<string, unknown>
    if (typeof found[last] === 'string') found[last] = resolve(base, found[last])
  }
  return copy
}
