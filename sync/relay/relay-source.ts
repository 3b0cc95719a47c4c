import type { OwnerOf } from '../kafka/kafka-uplink.ts'
import { LANES, type Lane, noneByLane, type StoredRecord } from '../record.ts'
import type { Source } from '../source.ts'
import type { Positions } from '../uplink.ts'
import type { RelayedRecord } from './delivery.ts'
import type { Refusals } from './refusals.ts'
import type { RelayStore } from './store.ts'

/** A record on its way out: `seq` is the store's own number, by which the position is remembered. */
interface Forwarded extends StoredRecord {
  readonly given: RelayedRecord
}

/** For an uplink that is given what comes out of a `RelaySource`. */
export const ownerOf: OwnerOf = (record) => (record as Forwarded).given

/**
 * A relay's store as a pump empties it. It only reads: what Kafka has is forgotten by whoever writes
 * to the store, who is told so.
 */
export class RelaySource implements Source {
  /** Under this name positions and transactions are kept; nobody else's. */
  readonly vehicle: string
  readonly #store: RelayStore
  readonly #refusals: Pick<Refusals, 'bury'>
  readonly #tell: (positions: Positions) => void
  #acked: Positions = noneByLane()
  #released: Positions = noneByLane()
  /** As Kafka told it: what was put aside is not counted. */
  #delivered: Positions = noneByLane()

  constructor(
    name: string,
    store: RelayStore,
    refusals: Pick<Refusals, 'bury'>,
    tell: (positions: Positions) => void,
  ) {
    this.vehicle = name
    this.#store = store
    this.#refusals = refusals
    this.#tell = tell
  }

  get epoch(): string {
    return this.#store.epoch
  }

  /** What Kafka has; zeros until it was asked. */
  get acked(): Positions {
    return { ...this.#acked }
  }

  lastSeq(lane: Lane): number {
    return this.#store.lastId(lane)
  }

  /** Of this run. */
  deliveredSeq(lane: Lane): number {
    return this.#delivered[lane]
  }

  waiting(lane: Lane): number {
    return this.#store.lastId(lane) - this.#store.past(lane, this.#acked[lane])
  }

  read(lane: Lane, afterSeq: number, maxRecords: number, maxBytes: number): StoredRecord[] {
    // What was put aside is behind us, though the position of the other side knows nothing of it.
    const after = Math.max(afterSeq, this.#acked[lane])
    const given = this.#store.read(lane, after, maxRecords, maxBytes)
    return given.map((each) => forwarded(lane, each))
  }

  /** Nothing that waits here is ever evicted or changed. */
  hold(): void {}

  acknowledge(records: readonly StoredRecord[]): void {
    for (const { lane, seq } of records) this.#acked[lane] = this.#delivered[lane] = seq
  }

  get unreleased(): number {
    return LANES.reduce((sum, lane) => sum + this.#acked[lane] - this.#released[lane], 0)
  }

  release(positions?: Positions): void {
    if (positions) this.#delivered = { ...positions }
    for (const lane of LANES)
      this.#acked[lane] = this.#store.past(lane, (positions ?? this.#acked)[lane])
    this.#released = { ...this.#acked }
    this.#tell({ ...this.#acked })
  }

  bury(record: StoredRecord, reason: string): void {
    this.#refusals.bury((record as Forwarded).given, reason)
  }

  renewEpoch(): void {
    this.#delivered = noneByLane()
    this.#store.renewEpoch()
  }
}

function forwarded(lane: Lane, given: RelayedRecord): Forwarded {
  // Written out: copying by `...` shows in a profile of the relay.
  const { prev, type, timeUs, monoUs, bootId, clock, contentType, payload } = given.record
  return {
    lane,
    seq: given.id,
    prev,
    type,
    timeUs,
    monoUs,
    bootId,
    clock,
    contentType,
    payload,
    given,
  }
}
