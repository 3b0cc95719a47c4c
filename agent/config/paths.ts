import { resolve } from 'node:path'
import type { UpdatesConfig } from './updates.ts'

/** Keys that name files, as dotted paths, in an uplink and in a relay's broker. */
export const UPLINK_PATHS = [
  'tls.ca',
  'tls.cert',
  'tls.key',
  'sasl.password.file',
  'sasl.token.file',
  'password.file',
  'payload.registry.password.file',
  'payload.registry.tls.ca',
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

/** The same for `updates`, where `from` is a folder unless it is written as a URL. */
export function updatesWithPaths(updates: UpdatesConfig, base: string): UpdatesConfig {
  const keys = ['root', 'usb.path', ...UPLINK_PATHS.map((key) => `mqtt.${key}`)]
  const found = withPaths(updates, keys, base)
  if (!found.from || /^[a-z][a-z0-9+.-]*:\/\//.test(found.from)) return found
  return { ...found, from: resolve(base, found.from) }
}
