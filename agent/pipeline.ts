import type { FrameBatch } from '../sensors/frame.ts'
import { ReadingBatch, type SignalCatalog } from '../sensors/reading.ts'
import type { Campaign, Collected, Emit } from './collection/campaign.ts'
import { Latest } from './collection/latest.ts'
import type { Caught } from './fence.ts'

/** What turns frames into readings; the DBC decoder, or nothing where no bus has a DBC file. */
export interface FrameDecoder {
  decode(frames: FrameBatch, out: ReadingBatch, full: (out: ReadingBatch) => void): void
}

/** What looks at readings besides campaigns: a model. */
export interface ReadingObserver {
  /** Its name in `status` where it fails. */
  readonly name?: string
  observe(batch: ReadingBatch): void
}

/** The way from frames to records, on the thread that the sensors deliver to. Nothing in it waits. */
export class Pipeline {
  readonly latest = new Latest()
  framesSeen = 0
  readingsSeen = 0
  recordsMade = 0

  readonly #catalog: SignalCatalog
  readonly #decoder: FrameDecoder | undefined
  readonly #observers: readonly ReadingObserver[]
  /** Where the records of each campaign go, made once. */
  readonly #emits: ReadonlyMap<Campaign, Emit>
  readonly #caught: Caught
  readonly #batch = new ReadingBatch()
  readonly #full = (batch: ReadingBatch): void => {
    this.readings(batch)
    batch.count = 0
  }

  constructor(parts: {
    catalog: SignalCatalog
    decoder: FrameDecoder | undefined
    campaigns: readonly Campaign[]
    observers: readonly ReadingObserver[]
    keep(campaign: Campaign, record: Collected): void
    /** Takes what a part throws, so that the others go on; without it, the caller gets it. */
    caught?: Caught
  }) {
    this.#caught = parts.caught ?? rethrow
    this.#catalog = parts.catalog
    this.#decoder = parts.decoder
    this.#observers = parts.observers
    this.#emits = new Map(
      parts.campaigns.map((campaign) => [
        campaign,
        (record) => {
          this.recordsMade++
          parts.keep(campaign, record)
        },
      ]),
    )
  }

  frames(batch: FrameBatch): void {
    this.framesSeen += batch.count
    if (!this.#decoder) return
    this.#batch.count = 0
    try {
      this.#decoder.decode(batch, this.#batch, this.#full)
    } catch (error) {
      this.#caught('decoder', error)
    }
    if (this.#batch.count > 0) this.#full(this.#batch)
  }

  readings(batch: ReadingBatch): void {
    this.readingsSeen += batch.count
    this.latest.reserve(this.#catalog.size)
    this.latest.update(batch)
    for (const [campaign, emit] of this.#emits) {
      try {
        campaign.observe(batch, emit)
      } catch (error) {
        this.#caught(`campaign ${campaign.config.id}`, error)
      }
    }
    for (const observer of this.#observers) {
      try {
        observer.observe(batch)
      } catch (error) {
        this.#caught(observer.name ?? 'observer', error)
      }
    }
  }

  /** A model saw an anomaly begin. */
  anomaly(model: string, timeUs: number, score: number): void {
    this.#each((campaign, emit) => campaign.anomaly?.(model, timeUs, score, emit))
  }

  /** To be called about every second, for what waits for readings that do not come. */
  tick(monoUs: number): void {
    this.#each((campaign, emit) => campaign.tick?.(monoUs, emit))
  }

  /** The end: what campaigns have begun is handed over. */
  close(): void {
    this.#each((campaign, emit) => campaign.close?.(emit))
  }

  #each(call: (campaign: Campaign, emit: Emit) => void): void {
    for (const [campaign, emit] of this.#emits) {
      try {
        call(campaign, emit)
      } catch (error) {
        this.#caught(`campaign ${campaign.config.id}`, error)
      }
    }
  }
}

function rethrow(_cause: string, error: unknown): never {
  throw error
}
