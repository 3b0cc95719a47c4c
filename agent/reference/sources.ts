import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { PACKAGE_ROOT } from '../package-root.ts'

/** The text of every source below the rooms, by its path from the top. */
export function sources(): Map<string, string> {
  const found = new Map<string, string>()
  for (const room of ['agent', 'sensors', 'models', 'sync']) {
    for (const entry of readdirSync(join(PACKAGE_ROOT, room), {
      recursive: true,
      withFileTypes: true,
    })) {
      if (!entry.isFile() || !entry.name.endsWith('.ts')) continue
      const path = join(entry.parentPath, entry.name)
      found.set(relative(PACKAGE_ROOT, path), readFileSync(path, 'utf8'))
    }
  }
  return new Map([...found].sort(([a], [b]) => a.localeCompare(b)))
}

/** What a pattern's first group matches, each with the files that say it, both in order. */
export function saidIn(pattern: RegExp): Map<string, string[]> {
  const found = new Map<string, Set<string>>()
  for (const [path, text] of sources()) {
    if (path.startsWith('agent/reference/')) continue
    for (const [, word] of text.matchAll(pattern)) {
      let files = found.get(word)
      if (!files) found.set(word, (files = new Set()))
      files.add(path)
    }
  }
  return new Map([...found].sort(([a], [b]) => a.localeCompare(b)).map(([w, f]) => [w, [...f]]))
}
