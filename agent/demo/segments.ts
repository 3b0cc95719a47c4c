import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * For each partition of a topic that holds anything, the base offset of its first segment on the
 * broker's disk. Segments are files named by it (`00000000000000001234.log`).
 */
export async function firstSegments(logDir: string, topic: string): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  for (const folder of await readdir(logDir)) {
    if (!new RegExp(`^${topic.replaceAll('.', '\\.')}-\\d+$`).test(folder)) continue
    const files = (await readdir(join(logDir, folder))).filter((file) => /^\d+\.log$/.test(file))
    if (files.length) found.set(folder, Math.min(...files.map((file) => Number.parseInt(file, 10))))
  }
  return found
}

/** Whether some partition's first segment is gone from the broker's disk. */
export function tieredAway(first: ReadonlyMap<string, number>): boolean {
  return [...first.values()].some((offset) => offset > 0)
}
