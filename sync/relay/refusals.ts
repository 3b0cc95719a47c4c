import { LEDGER_TYPE, type LedgerPayload } from '../ledger.ts'
import type { OutboxClock } from '../outbox/book.ts'
import { systemClock } from '../outbox/options.ts'
import type { Origin, StoredRecord } from '../record.ts'
import type { RelayedRecord } from './delivery.ts'
import type { RelayStore } from './store.ts'

/**
 * Records that Kafka refuses for what is in them. Their senders were told that they are kept, and
 * have deleted them: so they are put aside here, and the depot's own ledger accounts for them, under
 * its own identity (depot, epoch of the store, seq). Both in one transaction.
 */
export class Refusals {
  readonly #store: RelayStore
  readonly #depot: string
  readonly #bootId: string
  readonly #clock: OutboxClock
  count = 0
  last: string | undefined

  constructor(store: RelayStore, depot: string, bootId: string, clock = systemClock) {
    this.#store = store
    this.#depot = depot
    this.#bootId = bootId
    this.#clock = clock
  }

  bury(refused: RelayedRecord, reason: string): void {
    const { origin, record } = refused
    this.count++
    this.last = `${origin.vehicle}/${origin.epoch}/${record.seq}: ${reason}`
    const self = { vehicle: this.#depot, epoch: this.#store.epoch }
    // Told of in turn, a ledger record that is refused would bring the next one about, without end.
    const own = origin.vehicle === self.vehicle && origin.epoch === self.epoch
    this.#store.bury(refused, reason, own ? undefined : this.#notice(self, refused, reason))
  }

  #notice(self: Origin, { origin, record }: RelayedRecord, detail: string) {
    const { vehicle, epoch } = origin
    const { lane, seq } = record
    const range = { firstSeq: seq, lastSeq: seq, count: 1 }
    const payload: LedgerPayload = {
      entries: [{ cause: 'rejected', lane, vehicle, epoch, ...range, detail }],
    }
    const prev = this.#store.positions(self).critical
    const ledger: StoredRecord = {
      ...{ lane: 'critical', seq: prev + 1, prev, type: LEDGER_TYPE, bootId: this.#bootId },
      ...{ timeUs: this.#clock.nowUs(), monoUs: this.#clock.monoUs() },
      // Nobody vouches for the depot's clock here.
      ...{ clock: 'unsynced', contentType: 'application/json' },
      payload: Buffer.from(JSON.stringify(payload)),
    }
    return { origin: self, records: [ledger] }
  }
}
