import type { Publish } from '../mqtt/publish.ts'
import { type Ask, readJson, readRecord, readTopic, type Told, topicsOf } from '../mqtt/wire.ts'
import type { Lane, Origin, StoredRecord } from '../record.ts'
import type { Positions } from '../uplink.ts'
import type { Counting } from './status.ts'

/** What one sender gave in a group. */
export interface Share {
  readonly origin: Origin
  readonly records: StoredRecord[]
  /** How far the origin is known to be here, with the records above. */
  readonly reached: Positions
  readonly told: { -readonly [K in keyof Told]?: Told[K] }
  run: string
}

/** What a store knows of a sender, see `RelayStore`. */
export interface Known {
  peek(origin: Origin): Positions
  tips(origin: Origin): Partial<Record<Lane, string>>
}

/**
 * Sorts the messages of one commit by sender, and leaves out what must not be kept: no records, those
 * that are here already, and those that come though an earlier one has not (the broker's queue was
 * full, or its memory was lost). Kept, these would move the position past what is missing, and the
 * sender would delete it.
 */
export class Group {
  readonly shares: Share[] = []
  readonly #byVehicle = new Map<string, Share[]>()
  readonly #prefix: string
  readonly #maxRecordBytes: number
  readonly #store: Known
  readonly #counts: Counting

  constructor(prefix: string, maxRecordBytes: number, store: Known, counts: Counting) {
    this.#prefix = prefix
    this.#maxRecordBytes = maxRecordBytes
    this.#store = store
    this.#counts = counts
  }

  add(message: Publish): void {
    const place = readTopic(this.#prefix, message.topic)
    if (place?.kind === 'ask') this.#ask(place.vehicle, message)
    else if (place) this.#record(place, message)
    else this.#counts.invalid++
  }

  /** What every sender is to be told after the commit. */
  answers(): { topic: string; payload: string }[] {
    return this.shares.map(({ origin, told }) => ({
      topic: topicsOf(this.#prefix, origin.vehicle).position,
      payload: JSON.stringify({
        ...told,
        epoch: origin.epoch,
        // Not `reached`: another process may have kept more, and the tips belong to these.
        positions: this.#store.peek(origin),
        ...(told.answers !== undefined && { tips: this.#store.tips(origin) }),
        maxRecordBytes: this.#maxRecordBytes,
      } satisfies Told),
    }))
  }

  #ask(vehicle: string, { payload }: Publish): void {
    const ask = readJson<Ask>(payload)
    if (!ask || typeof ask.run !== 'string') {
      this.#counts.invalid++
      return
    }
    this.#share({ vehicle, epoch: ask.epoch }, ask.run).told.answers = ask.run
  }

  #record(place: Parameters<typeof readRecord>[1], message: Publish): void {
    const read = readRecord(message, place)
    if (typeof read === 'string') {
      this.#counts.invalid++
      return
    }
    const { origin, record, after, run } = read
    const share = this.#share(origin, run)
    const { lane, seq } = record
    if (seq <= share.reached[lane]) this.#counts.duplicates++
    else if (after > share.reached[lane]) {
      this.#counts.refused++
      share.told.refused = run
    } else if (record.payload.length > this.#maxRecordBytes) {
      this.#counts.invalid++
      const reason = `record ${seq} of lane ${lane} has ${record.payload.length} bytes`
      share.told.rejected = { run, reason }
    } else {
      share.records.push(record)
      share.reached[lane] = seq
    }
  }

  #share(origin: Origin, run: string): Share {
    const ofVehicle = this.#byVehicle.get(origin.vehicle)
    let share = ofVehicle?.find((each) => each.origin.epoch === origin.epoch)
    if (!share) {
      const reached = this.#store.peek(origin)
      share = { origin, records: [], reached, told: {}, run }
      this.shares.push(share)
      if (ofVehicle) ofVehicle.push(share)
      else this.#byVehicle.set(origin.vehicle, [share])
    }
    share.run = run
    return share
  }
}
