import { readdir, rm, stat, utimes } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Versions of central's jars that are kept; about 140 MB each. */
const MAX_VERSIONS = 4
/** One that was used since is never removed: another checkout may be running it. */
const MIN_UNUSED_MS = 7 * 24 * 3_600_000

/** Where central's jars are kept, outside of any checkout. */
export function cacheFolder(): string {
  const root =
    process.env.MILEPOST_CACHE ??
    join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'milepost')
  return join(root, 'central')
}

/** Remembers that a version is used. A cache that cannot be written to is no reason to fail. */
export async function markUsed(folder: string): Promise<void> {
  const now = new Date()
  await utimes(folder, now, now).catch(() => {})
}

/**
 * Removes the versions that have not been used for longest. What belongs to a version (its folder, its
 * class data archives, leftovers of a build that was killed) has its hash up to the first dot.
 */
export async function pruneCache(cache: string): Promise<void> {
  const versions = new Map<string, { paths: string[]; usedMs: number }>()
  for (const name of await readdir(cache)) {
    const [hash] = /^[0-9a-f]{16}(?=$|\.)/.exec(name) ?? []
    if (hash === undefined) continue
    const path = join(cache, name)
    const usedMs = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    )
    const version = versions.get(hash) ?? { paths: [], usedMs: 0 }
    versions.set(hash, {
      paths: [...version.paths, path],
      usedMs: Math.max(version.usedMs, usedMs),
    })
  }
  const byUse = [...versions.values()].sort((a, b) => b.usedMs - a.usedMs)
  for (const { paths, usedMs } of byUse.slice(MAX_VERSIONS)) {
    if (Date.now() - usedMs < MIN_UNUSED_MS) continue
    for (const path of paths) await rm(path, { recursive: true, force: true })
  }
}
