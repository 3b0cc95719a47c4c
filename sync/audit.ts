import { LANES, type Lane } from './record.ts'

/** What a message on Kafka says of where it came from. */
export interface Identity {
  readonly vehicle: string
  readonly epoch: string
  readonly lane: Lane
  readonly seq: number
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
  #words = new Uint32Array(1024)
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
  readonly #epochs = new Map<string, { vehicle: string; epoch: string; tally: Epoch }>()

  /** One message as it was read from Kafka. */
  add({ vehicle, epoch, lane, seq }: Identity): void {
    const tally = this.#tally(vehicle, epoch)
    if (!tally.present.add(seq)) {
      tally.duplicated++
      return
    }
    if (seq < tally.lastOfLane.get(lane)!) tally.outOfOrder++
    else tally.lastOfLane.set(lane, seq)
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

  report(): EpochAccount[] {
    return [...this.#epochs.values()].map(({ vehicle, epoch, tally }) => {
      const { present, ledgered } = tally
      const lastSeq = Math.max(present.max, ledgered.max, tally.expected)
      let missing = 0
      let excused = 0
      for (let seq = 1; seq <= lastSeq; seq++) {
        if (present.has(seq)) continue
        if (ledgered.has(seq)) excused++
        else missing++
      }
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

  #tally(vehicle: string, epoch: string): Epoch {
    const key = `${vehicle}/${epoch}`
    let entry = this.#epochs.get(key)
    if (!entry) this.#epochs.set(key, (entry = { vehicle, epoch, tally: new Epoch() }))
    return entry.tally
  }
}
