import { median } from '../../bench/bench.ts'
import type { Sample } from './vehicle.ts'

/** One thing that must be flat, with what it was after the warm-up and at the end. */
export interface Trend {
  readonly what: string
  readonly unit: string
  readonly before: number
  readonly after: number
  readonly flat: boolean
}

/** Larger at the end than after the warm-up by no more than this. */
const BOUNDS: readonly {
  readonly what: string
  readonly unit: string
  of(sample: Sample): number
  most(before: number): number
}[] = [
  // What the collector leaves lying and what malloc cannot give back come and go.
  { what: 'memory', unit: 'MB', of: (s) => s.anonymousBytes / 1e6, most: (mb) => mb * 1.1 + 10 },
  { what: 'open files', unit: '', of: (s) => s.openFiles, most: (n) => n + 3 },
  { what: 'threads', unit: '', of: (s) => s.threads, most: (n) => n + 1 },
  // The history's ring is 16 MiB, the outbox may keep what it grew to in an outage.
  { what: 'disk', unit: 'MB', of: (s) => s.diskBytes / 1e6, most: (mb) => Math.max(mb * 1.1, 64) },
  { what: 'commit, p99', unit: 'ms', of: (s) => s.commitP99Ms, most: (ms) => ms * 3 + 100 },
  { what: 'oldest record', unit: 's', of: (s) => s.oldestMs / 1000, most: () => 10 },
]

/**
 * The medians of the samples after the warm-up beside those at the end.
 * @param before calm samples of one process, after its start
 * @param after calm samples at the end, of the same process
 */
export function trendsOf(before: readonly Sample[], after: readonly Sample[]): Trend[] {
  return BOUNDS.map(({ what, unit, of, most }) => {
    const [a, b] = [before, after].map((samples) => median(samples.map(of)))
    return { what, unit, before: a, after: b, flat: b <= most(a) }
  })
}
