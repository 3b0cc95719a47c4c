import type { ReadingBatch } from '../../../sensors/reading.ts'
import { packBlock } from './block.ts'
import type { WriteBudget } from './budget.ts'
import { ByteWriter } from './bytes.ts'
import { Chunk, type Series, seriesOf } from './chunk.ts'
import { Segments } from './segments.ts'
import { Thinner } from './thinner.ts'
import { TIERS, type Tier, tierDir } from './tiers.ts'

/** Blocks of one tier that wait for a disk that does not take them; what comes beyond is counted. */
const MAX_WAITING = 8

export interface RecorderOptions {
  readonly dataDir: string
  /** Bytes of all tiers together. */
  readonly maxBytes: number
  /** How much time each tier covers. */
  readonly spansUs: Readonly<Record<Tier['name'], number>>
  readonly budget: WriteBudget
  signalAt(index: number): { readonly name: string; readonly unit: string }
  failed(error: unknown): void
}

/**
 * Writes readings into the tiers. Taking a reading costs a few stores into flat arrays; packing and
 * writing go on behind it, a block at a time.
 */
export class Recorder {
  /** Entries on the disk, and those that were not written: no room in the budget, or a disk that fails. */
  written = 0
  thinned = 0
  dropped = 0
  readonly #options: RecorderOptions
  readonly #tiers: TierWriter[]
  readonly #full: TierWriter
  readonly #thinners: Thinner[] = []
  /** When each signal was last taken into the fullest tier. */
  #takenUs = new Float64Array(256)

  constructor(options: RecorderOptions) {
    this.#options = options
    this.#tiers = TIERS.map((tier) => new TierWriter(tier, options, this))
    this.#full = this.#tiers[0]
    for (const writer of this.#tiers.slice(1)) {
      const { chunk, tier } = writer
      this.#thinners.push(new Thinner(tier.spanUs, chunk, () => writer.write()))
    }
  }

  get bytes(): number {
    return this.#tiers.reduce((sum, { segments }) => sum + segments.bytes, 0)
  }

  /** Makes room for signals up to `size`. */
  reserve(size: number): void {
    for (const thinner of this.#thinners) thinner.reserve(size)
    if (size <= this.#takenUs.length) return
    const grown = new Float64Array(2 ** Math.ceil(Math.log2(size)))
    grown.set(this.#takenUs)
    this.#takenUs = grown
  }

  /** @param slots -1 for a signal that is not wanted */
  add({ signal, value, timeUs, count }: ReadingBatch, slots: Int32Array): void {
    const everyUs = this.#options.budget.everyUs
    for (let i = 0; i < count; i++) {
      const s = signal[i]
      if (slots[s] < 0) continue
      const t = timeUs[i]
      for (const thinner of this.#thinners) thinner.add(s, t, value[i])
      if (everyUs > 0 && Math.abs(t - this.#takenUs[s]) < everyUs) {
        this.thinned++
        continue
      }
      this.#takenUs[s] = t
      if (this.#full.chunk.full) this.#full.write()
      this.#full.chunk.push(s, t, value[i])
    }
  }

  /** To be called each second or so: writes what is due. */
  tick(nowUs: number): void {
    this.#full.tick()
    for (const [i, thinner] of this.#thinners.entries()) {
      this.#tiers[i + 1].tick(() => thinner.settle(nowUs))
    }
  }

  /** What is not yet in a file, the finest tier first. */
  waiting(): Series[][] {
    const { signalAt } = this.#options
    return this.#tiers.map(({ waiting, chunk }) => [...waiting, ...seriesOf(chunk, signalAt)])
  }

  /** What is under way to the disk has arrived, or failed, when it resolves. */
  async idle(): Promise<void> {
    await Promise.all(this.#tiers.map((writer) => writer.idle()))
  }

  /** Everything is with the disk when it resolves, if the disk lets it. */
  async close(): Promise<void> {
    for (const thinner of this.#thinners) thinner.settle()
    for (const writer of this.#tiers) writer.write()
    await this.idle()
  }
}

/** One tier on its way to the disk. */
class TierWriter {
  readonly tier: Tier
  readonly segments: Segments
  /** What was taken in and is not yet on its way; filled again and again. */
  readonly chunk: Chunk
  readonly #options: RecorderOptions
  readonly #counts: Recorder
  /** Of the block on its way: at a full bus a new one each time would be a megabyte of waste a second. */
  readonly #room: Chunk
  readonly #bytes = new ByteWriter()
  #queue: Series[][] = []
  #writing: Promise<void> = Promise.resolve()
  #idleMs = 0

  constructor(tier: Tier, options: RecorderOptions, counts: Recorder) {
    this.tier = tier
    this.#options = options
    this.#counts = counts
    this.segments = new Segments(tierDir(options.dataDir, tier.name), {
      spanUs: options.spansUs[tier.name],
      maxBytes: options.maxBytes * tier.share,
    })
    this.chunk = new Chunk(tier.blockEntries, tier.spanUs > 0)
    this.#room = new Chunk(tier.blockEntries, tier.spanUs > 0)
  }

  /** Copies: the room of what is written meanwhile is used again. */
  get waiting(): Series[] {
    return this.#queue.flat().map(({ name, unit, timeUs, last, min, max }) => ({
      name,
      unit,
      timeUs: timeUs.slice(),
      last: last.slice(),
      min: min.slice(),
      max: max.slice(),
    }))
  }

  /** @param settle called before something is written */
  tick(settle?: () => void): void {
    this.#idleMs += 1_000
    if (this.#idleMs < this.tier.flushMs) return
    this.#idleMs = 0
    settle?.()
    this.write()
  }

  /** Empties the chunk: what it held is on its way. */
  write(): void {
    const { count } = this.chunk
    if (count === 0) return
    if (this.#queue.length >= MAX_WAITING) {
      this.#counts.dropped += count
    } else {
      const room = this.#queue.length === 0 ? this.#room : undefined
      const series = seriesOf(this.chunk, this.#options.signalAt, room)
      this.#queue.push(series)
      this.#writing = this.#writing.then(() => this.#write(series, count))
    }
    this.chunk.count = 0
  }

  async idle(): Promise<void> {
    await this.#writing
  }

  async #write(series: readonly Series[], entries: number): Promise<void> {
    const { budget, failed } = this.#options
    try {
      const block = await packBlock(series, this.#bytes)
      if (this.tier.spanUs === 0 && !budget.allows(block.length)) {
        this.#counts.thinned += entries
        budget.wrote(0)
        return
      }
      await this.segments.append(block, coveredUs(series))
      budget.wrote(block.length)
      this.#counts.written += entries
    } catch (error) {
      this.#counts.dropped += entries
      failed(error)
    } finally {
      this.#queue.shift()
    }
  }
}

function coveredUs(series: readonly Series[]): number {
  let from = Number.POSITIVE_INFINITY
  let to = Number.NEGATIVE_INFINITY
  for (const { timeUs } of series) {
    for (const t of timeUs) {
      if (t < from) from = t
      if (t > to) to = t
    }
  }
  return to - from
}
