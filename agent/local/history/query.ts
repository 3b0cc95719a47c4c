import { readFile } from 'node:fs/promises'
import { findBlocks, unpackBlock } from './block.ts'
import type { Series } from './chunk.ts'
import { segmentFiles } from './segments.ts'
import { TIERS, type TierName, tierDir } from './tiers.ts'

/** Signals in one answer. */
const MAX_SERIES = 200

export interface HistoryQuery {
  readonly dataDir: string
  readonly wanted: (name: string) => boolean
  readonly fromUs: number
  readonly toUs: number
  /** At most so many points a signal. */
  readonly points: number
  /** What a running agent has not written yet, the finest tier first. */
  readonly waiting?: readonly (readonly Series[])[]
}

/** A point: time of the last reading in it, least, most and last value. */
export type HistoryPoint = readonly [timeUs: number, min: number, max: number, last: number]

export interface HistoryAnswer {
  readonly fromUs: number
  readonly toUs: number
  readonly series: readonly {
    readonly name: string
    readonly unit: string
    readonly points: readonly HistoryPoint[]
  }[]
  /** How fine what was found is, by stretches of time. */
  readonly tiers: readonly { tier: TierName; fromUs: number; toUs: number }[]
  /** Signals that matched and were too many. */
  readonly moreSeries: number
  readonly damagedBytes: number
}

/**
 * What signals did between two times, out of the files of a data folder: of each stretch of time the
 * finest tier that has it. Works beside a running agent and without one.
 */
export async function queryHistory(query: HistoryQuery): Promise<HistoryAnswer> {
  const { dataDir, wanted, fromUs, toUs, waiting } = query
  const graph = new Graph(query)
  const tiers: { tier: TierName; fromUs: number; toUs: number }[] = []
  const covered = new Spans()
  let damagedBytes = 0
  for (const [i, { name: tier, spanUs }] of TIERS.entries()) {
    const found = new Spans()
    // A thinned entry stands for its whole span.
    const take = (series: readonly Series[]): void => {
      for (const one of series) {
        if (wanted(one.name)) graph.add(one, (t) => !covered.has(t))
      }
    }
    for (const path of segmentFiles(tierDir(dataDir, tier))) {
      const segment = await readFile(path).catch(() => Buffer.alloc(0))
      const { heads, damagedBytes: damaged } = findBlocks(segment)
      damagedBytes += damaged
      for (const head of heads) {
        if (head.toUs < fromUs || head.fromUs > toUs) continue
        found.add(head.fromUs - spanUs, head.toUs)
        take(await unpackBlock(segment, head, wanted))
      }
    }
    for (const one of waiting?.[i] ?? []) {
      if (one.timeUs.length === 0) continue
      found.add(one.timeUs[0] - spanUs, one.timeUs[one.timeUs.length - 1])
      take([one])
    }
    for (const [from, to] of found.merged()) tiers.push({ tier, fromUs: from, toUs: to })
    covered.addAll(found)
  }
  return { fromUs, toUs, ...graph.answer(), tiers, damagedBytes }
}

/** Stretches of time. Two closer together than this are one: between two blocks is no gap. */
const JOIN_US = 2_000_000

class Spans {
  #spans: (readonly [number, number])[] = []
  #merged: (readonly [number, number])[] | undefined

  add(from: number, to: number): void {
    this.#spans.push([from, to])
    this.#merged = undefined
  }

  addAll(other: Spans): void {
    for (const [from, to] of other.merged()) this.add(from, to)
  }

  merged(): readonly (readonly [number, number])[] {
    if (this.#merged) return this.#merged
    const merged: [number, number][] = []
    for (const [from, to] of this.#spans.sort((a, b) => a[0] - b[0])) {
      const last = merged[merged.length - 1]
      if (last && from <= last[1] + JOIN_US) last[1] = Math.max(last[1], to)
      else merged.push([from, to])
    }
    this.#merged = merged
    return merged
  }

  has(t: number): boolean {
    const spans = this.merged()
    let [low, high] = [0, spans.length - 1]
    while (low <= high) {
      const mid = (low + high) >> 1
      if (t < spans[mid][0]) high = mid - 1
      else if (t > spans[mid][1]) low = mid + 1
      else return true
    }
    return false
  }
}

/** Gathers readings into points of equal width, signal by signal. */
class Graph {
  readonly #query: HistoryQuery
  readonly #tracks = new Map<string, Track>()
  readonly #refused = new Set<string>()

  constructor(query: HistoryQuery) {
    this.#query = query
  }

  add({ name, unit, timeUs, last, min, max }: Series, wanted: (timeUs: number) => boolean): void {
    const { fromUs, toUs, points } = this.#query
    let track = this.#tracks.get(name)
    if (!track) {
      if (this.#tracks.size >= MAX_SERIES) return void this.#refused.add(name)
      track = new Track(name, unit, points)
      this.#tracks.set(name, track)
    }
    const perUs = points / Math.max(1, toUs - fromUs)
    for (let i = 0; i < timeUs.length; i++) {
      const t = timeUs[i]
      if (t < fromUs || t > toUs || !wanted(t)) continue
      const at = Math.min(points - 1, Math.floor((t - fromUs) * perUs))
      track.add(at, t, last[i], min[i], max[i])
    }
  }

  answer(): Pick<HistoryAnswer, 'series' | 'moreSeries'> {
    const series = [...this.#tracks.values()]
      .map((track) => ({ name: track.name, unit: track.unit, points: track.points() }))
      .filter(({ points }) => points.length > 0)
      .sort((a, b) => a.name.localeCompare(b.name))
    return { series, moreSeries: this.#refused.size }
  }
}

class Track {
  readonly name: string
  readonly unit: string
  readonly #timeUs: Float64Array
  readonly #last: Float64Array
  readonly #min: Float64Array
  readonly #max: Float64Array

  constructor(name: string, unit: string, points: number) {
    this.name = name
    this.unit = unit
    this.#timeUs = new Float64Array(points).fill(Number.NEGATIVE_INFINITY)
    this.#last = new Float64Array(points)
    this.#min = new Float64Array(points).fill(Number.POSITIVE_INFINITY)
    this.#max = new Float64Array(points).fill(Number.NEGATIVE_INFINITY)
  }

  add(at: number, t: number, last: number, min: number, max: number): void {
    if (min < this.#min[at]) this.#min[at] = min
    if (max > this.#max[at]) this.#max[at] = max
    if (t < this.#timeUs[at]) return
    this.#timeUs[at] = t
    this.#last[at] = last
  }

  points(): HistoryPoint[] {
    const points: HistoryPoint[] = []
    for (const [i, t] of this.#timeUs.entries()) {
      if (t === Number.NEGATIVE_INFINITY) continue
      const { [i]: last } = this.#last
      // Of nothing but NaN there is no least and no most.
      const plain = this.#min[i] <= this.#max[i]
      points.push([t, plain ? this.#min[i] : last, plain ? this.#max[i] : last, last])
    }
    return points
  }
}
