import type { LoggedReadings } from '../../models/features/log.ts'
import {
  type HistoryBatch,
  type HistoryOptions,
  type HistoryRange,
  readHistory,
} from '../../sync/kafka/history.ts'
import { holdsReadings, readingsOf } from './decode.ts'
import { EventOrder } from './order.ts'

/** What became of the records of a topic: all others held readings. */
export interface LogRecordCounts {
  records: number
  /** Records of types that hold no readings, or of other programs. */
  otherTypes: number
  /** Content that is not of its type: no JSON, or not of the form. */
  poison: number
  /** Records that had been seen, or that came after a later one had been used. */
  late: number
  /** Records that never came, though a later one names them: evicted, or of another topic. */
  gaps: number
  /** Records of a vehicle of which an earlier partition has some too, left out. */
  elsewhere: number
  /**
   * Records without a time, as nobody vouched for their vehicle's clock: in a range by times they are in by
   * where they lie, and how many lie outside of it only a reading of all could tell.
   */
  untimed: number
}

export type LogOptions = Omit<HistoryOptions, 'oneByOne' | 'reuseBytes'>

/** How far a reading is, told after each batch of records. */
export interface LogStep {
  /** Set with the last batch of a partition: nothing of it is still to come. */
  readonly finished?: HistoryRange
}

const NAMES = ['ce_type', 'mp_epoch', 'mp_seq', 'mp_prev', 'mp_lane', 'mp_clock'] as const
const NAME_BYTES = NAMES.map((name) => Buffer.from(name))
const [TYPE, EPOCH, SEQ, PREV, LANE, CLOCK] = NAMES.keys()
const REPAIRED = 'repaired'

/** Vehicles whose partition is remembered; of those beyond it nobody sees that they are in two. */
const MAX_VEHICLES = 1_000_000

/**
 * Reads back the readings that a topic of milepost holds: all partitions, one after the other, and of
 * each vehicle in the order in which they happened. The same ranges give the same readings in the same
 * order every time. Memory does not grow with the range.
 *
 * A vehicle is its records' key, so all of them are in one partition, until somebody raises the number
 * of partitions: then its newer ones are in another. Which of two partitions came first nobody can tell
 * before both were read, and a vehicle that goes back in time would be taken for one that failed and
 * mended; so it is read from the first of them, and the records in the others are counted and left out.
 */
export class LogReader {
  readonly counts: LogRecordCounts = {
    records: 0,
    otherTypes: 0,
    poison: 0,
    late: 0,
    gaps: 0,
    elsewhere: 0,
    untimed: 0,
  }
  /** The partition in which each vehicle was found first. */
  readonly homes = new Map<string, number>()
  /** Known once reading has begun. */
  ranges: readonly HistoryRange[] = []
  readonly #options: LogOptions
  readonly #use: (readings: LoggedReadings) => void
  readonly #places = new Int32Array(2 * NAMES.length)
  readonly #types = new Map<string, boolean>()
  #order: EventOrder<LoggedReadings | undefined>

  /** @param use takes readings as they come; a record's are handed over as one */
  constructor(options: LogOptions, use: (readings: LoggedReadings) => void) {
    this.#options = options
    this.#use = use
    this.#order = this.#newOrder()
  }

  /** @throws SyncError as `readHistory` */
  async *steps(): AsyncGenerator<LogStep, void, void> {
    const batches = readHistory({
      ...this.#options,
      oneByOne: true,
      reuseBytes: true,
      onRanges: (ranges) => {
        this.ranges = ranges
        this.#options.onRanges?.(ranges)
      },
    })
    let partition: number | undefined
    for await (const batch of batches) {
      if (partition !== undefined && partition !== batch.partition) yield this.#finish(partition)
      partition = batch.partition
      this.#read(batch)
      yield {}
    }
    if (partition !== undefined) yield this.#finish(partition)
  }

  #isHome(vehicle: string, partition: number): boolean {
    const home = this.homes.get(vehicle)
    if (home === undefined && this.homes.size < MAX_VEHICLES) this.homes.set(vehicle, partition)
    return home === undefined || home === partition
  }

  #newOrder(): EventOrder<LoggedReadings | undefined> {
    return new EventOrder((readings) => {
      if (readings) this.#use(readings)
    })
  }

  #finish(partition: number): LogStep {
    this.#order.close()
    this.counts.late += this.#order.late
    this.counts.gaps += this.#order.gaps
    this.#order = this.#newOrder()
    return { finished: this.ranges.find((range) => range.partition === partition)! }
  }

  #read(batch: HistoryBatch): void {
    const places = this.#places
    const { bytes } = batch
    const text = (name: number) =>
      places[2 * name] < 0 ? '' : bytes.toString('latin1', places[2 * name], places[2 * name + 1])
    for (let i = 0; i < batch.length; i++) {
      this.counts.records++
      if (batch.timestampMs(i) < 0) this.counts.untimed++
      batch.findHeaders(i, NAME_BYTES, places)
      const type = text(TYPE)
      const key = batch.key(i)
      const value = batch.value(i)
      let known = this.#types.get(type)
      if (known === undefined) {
        known = holdsReadings(type)
        if (this.#types.size < MAX_TYPES) this.#types.set(type, known)
      }
      let readings: LoggedReadings | undefined
      const vehicle = key === null ? '' : key.toString('utf8')
      // Without a key a record may be anywhere.
      if (key !== null && !this.#isHome(vehicle, batch.partition)) {
        this.counts.elsewhere++
        continue
      }
      if (!known) this.counts.otherTypes++
      else {
        const repaired = text(CLOCK) === REPAIRED
        const timeUs = repaired ? batch.record(i).timeUs : undefined
        readings = value === null ? undefined : readingsOf(vehicle, type, value, timeUs)
        if (!readings) this.counts.poison++
      }
      const seq = Number(text(SEQ))
      // Not written by milepost, or not as it writes: offsets are all the order there is.
      if (!(seq > 0)) {
        if (readings) this.#use(readings)
        continue
      }
      const chain = `${vehicle}/${text(EPOCH)}/${text(LANE)}`
      this.#order.push(chain, { seq, prev: Number(text(PREV)) || 0 }, readings)
    }
  }
}

/** Record types remembered; there are about ten. */
const MAX_TYPES = 1000
