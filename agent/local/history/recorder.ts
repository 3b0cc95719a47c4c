import type { ReadingBatch } from '../../../sensors/reading.ts'
import { packBlock } from './block.ts'
import type { WriteBudget } from './budget.ts'
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
      const thinner = new Thinner(writer.tier.spanUs, writer.newChunk(), () => {
        writer.write(thinner.swap(writer.newChunk()))
        return thinner.chunk
      })
      this.#thinners.push(thinner)
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
      this.#full.push(s, t, value[i])
    }
  }

  /** To be called each second or so: writes what is due. */
  tick(nowUs: number): void {
    this.#full.tick(() => this.#full.take())
    for (const [i, thinner] of this.#thinners.entries()) {
      const writer = this.#tiers[i + 1]
      writer.tick(() => {
        thinner.settle(nowUs)
        return thinner.swap(writer.newChunk())
      })
    }
  }

  /** What is not yet in a file, the finest tier first. */
  waiting(): Series[][] {
    const { signalAt } = this.#options
    return this.#tiers.map((writer, i) => {
      const chunk = i === 0 ? writer.chunk : this.#thinners[i - 1].chunk
      return [...writer.waiting, ...seriesOf(chunk, signalAt)]
    })
  }

  /** What is under way to the disk has arrived, or failed, when it resolves. */
  async idle(): Promise<void> {
    await Promise.all(this.#tiers.map((writer) => writer.idle()))
  }

  /** Everything is with the disk when it resolves, if the disk lets it. */
  async close(): Promise<void> {
    this.#full.write(this.#full.take())
    for (const [i, thinner] of this.#thinners.entries()) {
      thinner.settle()
      this.#tiers[i + 1].write(thinner.swap(this.#tiers[i + 1].newChunk()))
    }
    await this.idle()
  }
}

/** One tier on its way to the disk. */
class TierWriter {
  readonly tier: Tier
  readonly segments: Segments
  chunk: Chunk
  readonly #options: RecorderOptions
  readonly #counts: Recorder
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
    this.chunk = this.newChunk()
  }

  get waiting(): Series[] {
    return this.#queue.flat()
  }

  newChunk(): Chunk {
    return new Chunk(this.tier.blockEntries, this.tier.spanUs > 0)
  }

  push(signal: number, timeUs: number, value: number): void {
    if (this.chunk.full) this.write(this.take())
    this.chunk.push(signal, timeUs, value)
  }

  take(): Chunk {
    const taken = this.chunk
    this.chunk = this.newChunk()
    return taken
  }

  tick(take: () => Chunk): void {
    this.#idleMs += 1_000
    if (this.#idleMs < this.tier.flushMs) return
    this.#idleMs = 0
    this.write(take())
  }

  write(chunk: Chunk): void {
    if (chunk.count === 0) return
    if (this.#queue.length >= MAX_WAITING) {
      this.#counts.dropped += chunk.count
      return
    }
    const series = seriesOf(chunk, this.#options.signalAt)
    this.#queue.push(series)
    this.#writing = this.#writing.then(() => this.#write(series, chunk.count))
  }

  async idle(): Promise<void> {
    await this.#writing
  }

  async #write(series: readonly Series[], entries: number): Promise<void> {
    const { budget, failed } = this.#options
    try {
      const block = await packBlock(series)
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
