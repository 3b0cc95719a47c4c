import { readFile } from 'node:fs/promises'
import type { SignalNow } from '../../status.ts'
import { findBlocks, unpackBlock } from './block.ts'
import { segmentFiles } from './segments.ts'
import { TIERS, tierDir } from './tiers.ts'

/** Files of each tier that are looked into, from the newest. */
const FILES = 2

/** The last reading that the ring of a data folder has of each signal; works without an agent. */
export async function latestInRing(
  dataDir: string,
  wanted: (name: string) => boolean,
): Promise<SignalNow[]> {
  const latest = new Map<string, SignalNow>()
  for (const { name: tier } of TIERS) {
    for (const path of segmentFiles(tierDir(dataDir, tier)).slice(-FILES)) {
      const segment = await readFile(path)
      for (const head of findBlocks(segment).heads) {
        for (const { name, unit, timeUs, last } of await unpackBlock(segment, head, wanted)) {
          const i = timeUs.length - 1
          if (i < 0 || (latest.get(name)?.timeUs ?? 0) > timeUs[i]) continue
          latest.set(name, { name, unit, value: last[i], timeUs: timeUs[i] })
        }
      }
    }
  }
  return [...latest.values()]
}
