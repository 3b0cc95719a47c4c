import { SyncError } from '../../sync/errors.ts'
import { LANES, type Lane, type Origin, type StoredRecord } from '../../sync/record.ts'
import type { Positions, Uplink } from '../../sync/uplink.ts'

/** What may go wrong, each with its chance at every call. */
export interface Chances {
  /** The link is lost before the other side has it, or after it has it but before we hear of it. */
  readonly lostBefore: number
  readonly lostAfter: number
  readonly openFails: number
}

/**
 * The other side of a link, in memory and obeying the contract of `Uplink`: it keeps records and
 * positions in one step, and fails where a seed tells it to. It also watches the caller: order, one
 * call at a time, nothing on a link that has failed.
 */
export class Remote {
  readonly log: (StoredRecord & { epoch: string })[] = []
  readonly #positions = new Map<string, Positions>()
  readonly #random: () => number
  chances: Chances = { lostBefore: 0, lostAfter: 0, openFails: 0 }
  /** Says why a record cannot be taken. */
  rejects: (record: StoredRecord) => string | undefined = () => undefined
  /** Lanes that are not taken: told at `open`, or only when one of their records is sent. */
  readonly refused = new Set<Lane>()
  readonly denied = new Set<Lane>()
  /** Whether it keeps positions that the uplink may hold it to. */
  tells = false
  up = true
  fenced = false
  opens = 0
  sends = 0
  batches: number[] = []
  /** Held up, a send waits here. */
  barrier: Promise<void> | undefined

  constructor(random: () => number = () => 1) {
    this.#random = random
  }

  positions(epoch: string): Positions {
    const none = { critical: 0, events: 0, telemetry: 0 }
    return { ...(this.#positions.get(epoch) ?? none) }
  }

  /** As if an earlier run had sent so far. */
  setPositions(epoch: string, positions: Positions): void {
    this.#positions.set(epoch, positions)
  }

  uplink(): Uplink {
    let origin: Origin | undefined
    let dead = false
    let busy = false
    const lost = (when: string) => {
      dead = true
      return new SyncError('UPLINK_OFFLINE', `link lost ${when}`, { hint: 'Wait.' })
    }
    const alone = async <T>(work: () => Promise<T>): Promise<T> => {
      if (dead) throw new Error('called after a failure or a close')
      if (busy) throw new Error('called twice at a time')
      busy = true
      await new Promise(setImmediate)
      try {
        return await work()
      } finally {
        busy = false
      }
    }
    const refusals = new Map<Lane, SyncError>()
    const tips = this.tells ? new Map<Lane, string>() : undefined
    return {
      refusals,
      ...(tips && { tips }),
      open: (given) =>
        alone(async () => {
          this.opens++
          if (this.fenced) throw new SyncError('UPLINK_FENCED', 'another device has this name')
          if (!this.up || this.#random() < this.chances.openFails) throw lost('while opening')
          origin = given
          for (const lane of this.refused) refusals.set(lane, noTopic(lane))
          return this.positions(given.epoch)
        }),
      send: (records) =>
        alone(async () => {
          if (!origin) throw new Error('not open')
          this.sends++
          await this.barrier
          if (!this.up || this.#random() < this.chances.lostBefore) throw lost('before')
          const lane = records.find(({ lane }) => this.denied.has(lane))?.lane
          if (lane) {
            dead = true
            throw new SyncError('UPLINK_TOPIC_DENIED', `may not write ${lane}`, { hint: 'Ask.' })
          }
          if (records.some(({ lane }) => this.refused.has(lane))) throw new Error('was told not to')
          const reason = records.map((record) => this.rejects(record)).find(Boolean)
          if (reason) {
            dead = true
            throw new SyncError('UPLINK_REJECTED', reason)
          }
          this.#take(origin, records)
          if (this.#random() < this.chances.lostAfter) throw lost('after')
        }),
      close: async () => {
        dead = true
      },
    }
  }

  #take({ epoch }: Origin, records: readonly StoredRecord[]): void {
    const positions = this.positions(epoch)
    for (const record of records) {
      if (record.seq <= positions[record.lane]) {
        throw new Error(`${record.lane} ${record.seq} comes after ${positions[record.lane]}`)
      }
      positions[record.lane] = record.seq
      this.log.push({ ...record, epoch })
    }
    this.batches.push(records.length)
    this.#positions.set(epoch, positions)
  }

  /** Lanes as they arrived, each a list of `seq`s. */
  arrived(): Record<(typeof LANES)[number], number[]> {
    const [critical, events, telemetry] = LANES.map((lane) =>
      this.log.filter((record) => record.lane === lane).map(({ seq }) => seq),
    )
    return { critical, events, telemetry }
  }
}

function noTopic(lane: Lane): SyncError {
  return new SyncError('UPLINK_TOPIC_MISSING', `no topic for ${lane}`, { hint: 'Make it.' })
}
