import { complaintOfDeath, KeptThread } from '../kept-thread.ts'
import { noneByLane } from '../record.ts'
import type { UplinkStatus } from '../status.ts'
import type { Positions } from '../uplink.ts'
import type { ForwardConfig, Forwarding, FromForwarder, ToForwarder } from './forward-worker.ts'

const CLOSE_TIMEOUT_MS = 5_000

/**
 * The way from the store into Kafka in a thread of its own, with its own connection to the store: a
 * transaction of Kafka is a dozen answers to wait for, and beside an intake of thousands of messages
 * a second each of them waited for a commit to the disk. It only reads; what Kafka has is forgotten
 * by whoever writes.
 */
export class ForwardThread {
  readonly #thread: KeptThread<Forwarding, FromForwarder, ToForwarder>
  readonly #release: (positions: Positions) => void
  #refusedBefore = 0
  #now: Forwarding = {
    uplink: {
      ...{ kind: 'kafka', state: 'connecting', sinceUs: Date.now() * 1000 },
      ...{ sentRecords: 0, sentBytes: 0, lastAckTimeUs: 0, nextRetryTimeUs: 0 },
    },
    acked: noneByLane(),
    refused: 0,
  }

  constructor(config: ForwardConfig, release: (positions: Positions) => void) {
    this.#release = release
    const spec = { module: 'forward-worker', beside: import.meta.url, name: 'forward' }
    this.#thread = new KeptThread({ ...spec, data: config })
    this.#thread.listen({
      received: (message) => this.#told(message),
      died: (error) => this.#died(error),
    })
  }

  get status(): UplinkStatus {
    return this.#now.uplink
  }

  /** What Kafka has of the store, as far as this life of the thread has told. */
  get acked(): Positions {
    return this.#now.acked
  }

  /** Records that Kafka refused, since the start. */
  get refused(): number {
    return this.#refusedBefore + this.#now.refused
  }

  get lastRefusal(): string | undefined {
    return this.#now.lastRefusal
  }

  /** Tells that the store has more. */
  notify(): void {
    this.#thread.post('kept')
  }

  /** Ends it in order, or after five seconds anyhow. */
  async close(): Promise<void> {
    const last = await this.#thread.close('close', CLOSE_TIMEOUT_MS)
    if (last) this.#now = last
  }

  #told(message: FromForwarder): void {
    if (message.kind === 'release') this.#release(message.positions)
    else this.#now = { lastRefusal: this.lastRefusal, ...message.now }
  }

  #died(error: Error): void {
    this.#refusedBefore += this.#now.refused
    const sinceUs = Date.now() * 1000
    const lastError = complaintOfDeath(error)
    const uplink = { ...this.status, state: 'offline', sinceUs, lastError } as const
    this.#now = { ...this.#now, uplink, refused: 0 }
  }
}
