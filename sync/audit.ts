import { Excuses } from './excuses.ts'
import type { LedgerEntry } from './ledger.ts'
import { LANES, type Lane } from './record.ts'

/** What a message on Kafka says of where it came from. */
export interface Identity {
  readonly vehicle: string
  readonly epoch: string
  readonly lane: Lane
  readonly seq: number
  /** `seq` of the record before it in its lane; 0 for the first. */
  readonly prev?: number
}

/** More than a vehicle gives out in a lifetime; the sets below would take 256 MiB of memory. */
const MAX_SEQ = 2 ** 31

/** Whether an audit can take it: what a stranger writes must not cost it its memory. */
export function isPlausible({ lane, seq }: Pick<Identity, 'lane' | 'seq'>): boolean {
  return Number.isInteger(seq) && seq > 0 && seq < MAX_SEQ && LANES.includes(lane)
}

/** The account of one outbox file. */
export interface EpochAccount {
  readonly vehicle: string
  readonly epoch: string
  /** Highest `seq` that is known to have been given out. */
  readonly lastSeq: number
  readonly present: number
  /** Neither present nor in the ledger: lost. */
  readonly missing: number
  /** Copies beyond the first. */
  readonly duplicated: number
  /** Came after a later record of its lane. */
  readonly outOfOrder: number
  /** Not present, and the ledger says why. */
  readonly ledgered: number
}

/** A set of positive integers at one bit each: a million records take 125 kB. */
class SeqSet {
  // Small at first: an audit may have a hundred thousand vehicles of a few records each.
  #words = new Uint32Array(8)
  max = 0
  size = 0

  /** Whether `seq` was new. */
  add(seq: number): boolean {
    const word = seq >>> 5
    if (word >= this.#words.length) {
      const grown = new Uint32Array(Math.max(word + 1, this.#words.length * 2))
      grown.set(this.#words)
      this.#words = grown
    }
    const bit = 1 << (seq & 31)
    if (this.#words[word] & bit) return false
    this.#words[word] |= bit
    this.size++
    if (seq > this.max) this.max = seq
    return true
  }

  has(seq: number): boolean {
    return ((this.#words[seq >>> 5] ?? 0) & (1 << (seq & 31))) !== 0
  }
}

class Epoch {
  readonly present = new SeqSet()
  readonly ledgered = new SeqSet()
  /** Named by a later record of their lane and not there when it came. */
  readonly gaps = new SeqSet()
  readonly excuses = new Excuses()
  readonly lastOfLane = new Map<Lane, number>(LANES.map((lane) => [lane, 0]))
  duplicated = 0
  outOfOrder = 0
  expected = 0
}

/**
 * Accounts for every record of every vehicle: feed it all messages of all lanes, each partition in
 * its order, and what the ledger and the outboxes say.
 */
export class Audit {
  readonly #byChains: boolean
  readonly #epochs = new Map<string, { vehicle: string; epoch: string; tally: Epoch }>()

  /**
   * @param options `byChains`: not all lanes are read, or not from their beginning. Then only what a
   * record names as the one before it in its lane can be missed, a run of lost ones counts as one.
   */
  constructor(options: { byChains?: boolean } = {}) {
    this.#byChains = options.byChains ?? false
  }

  /** One message as it was read from Kafka; answers whether it is the first with its identity. */
  add({ vehicle, epoch, lane, seq, prev }: Identity): boolean {
    if (!isPlausible({ lane, seq })) {
      throw new RangeError(`${vehicle}/${epoch}/${seq} on lane ${lane} is no identity of a record`)
    }
    const tally = this.#tally(vehicle, epoch)
    if (!tally.present.add(seq)) {
      tally.duplicated++
      return false
    }
    const last = tally.lastOfLane.get(lane)!
    if (last > 0 && prev !== undefined && prev > last && prev < seq) tally.gaps.add(prev)
    if (seq < last) tally.outOfOrder++
    else tally.lastOfLane.set(lane, seq)
    return true
  }

  /** The vehicle says that it has given out every `seq` up to this one. */
  expect(vehicle: string, epoch: string, lastSeq: number): void {
    const tally = this.#tally(vehicle, epoch)
    tally.expected = Math.max(tally.expected, lastSeq)
  }

  /** The ledger says that these records were evicted, quarantined or dropped. */
  excuse(vehicle: string, epoch: string, seqs: Iterable<number>): void {
    const { ledgered } = this.#tally(vehicle, epoch)
    for (const seq of seqs) ledgered.add(seq)
  }

  /** The same, as a ledger record of this epoch has it. */
  ledger(vehicle: string, epoch: string, entries: readonly LedgerEntry[]): void {
    for (const entry of entries) {
      this.#tally(entry.vehicle ?? vehicle, entry.epoch ?? epoch).excuses.add(entry)
    }
  }

  report(): EpochAccount[] {
    return [...this.#epochs.values()].map(({ vehicle, epoch, tally }) => {
      const { present, ledgered, excuses } = tally
      const lastSeq = Math.max(present.max, ledgered.max, tally.expected)
      let absent = 0
      for (const _ of this.#absent(tally, lastSeq)) absent++
      let excused = 0
      const unexcused = function* (seqs: Iterable<number>) {
        for (const seq of seqs) {
          if (ledgered.has(seq)) excused++
          else yield seq
        }
      }
      const settled = excuses.settle(unexcused(this.#absent(tally, lastSeq)))
      excused += settled
      const missing = absent - excused
      return {
        vehicle,
        epoch,
        lastSeq,
        present: present.size,
        missing,
        duplicated: tally.duplicated,
        outOfOrder: tally.outOfOrder,
        ledgered: excused,
      }
    })
  }

  /** What should be there and is not, ascending. */
  *#absent({ present, gaps }: Epoch, lastSeq: number): Iterable<number> {
    for (let seq = 1; seq <= lastSeq; seq++) {
      if (!present.has(seq) && (!this.#byChains || gaps.has(seq))) yield seq
    }
  }

  #tally(vehicle: string, epoch: string): Epoch {
    const key = `${vehicle}/${epoch}`
    let entry = this.#epochs.get(key)
    if (!entry) this.#epochs.set(key, (entry = { vehicle, epoch, tally: new Epoch() }))
    return entry.tally
  }
}
