import { join } from 'node:path'

export type TierName = 'full' | '1s' | '10s'

export interface Tier {
  readonly name: TierName
  /** One entry a signal for this long; 0 for every reading. */
  readonly spanUs: number
  /** A block is written after this long, or when it is full: a crash costs what is not yet written. */
  readonly flushMs: number
  /** Entries in a block. */
  readonly blockEntries: number
  /** Its share of the bytes of all. */
  readonly share: number
}

/** The tiers, the finest first. */
export const TIERS: readonly Tier[] = [
  { name: 'full', spanUs: 0, flushMs: 5_000, blockEntries: 8_192, share: 0.5 },
  { name: '1s', spanUs: 1_000_000, flushMs: 30_000, blockEntries: 8_192, share: 0.35 },
  { name: '10s', spanUs: 10_000_000, flushMs: 300_000, blockEntries: 8_192, share: 0.15 },
]

/** Where the readings of a data folder lie. */
export function tierDir(dataDir: string, tier: TierName): string {
  return join(dataDir, 'history', tier)
}
