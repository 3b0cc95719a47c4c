/** Records of one vehicle that wait for an earlier one. */
const WAITING_RECORDS = 64
/** Records of all vehicles that wait; beyond it the vehicle at hand waits no longer. */
const MAX_WAITING_RECORDS = 65_536

/** Chains followed at once; beyond it the one begun first is closed. */
const MAX_CHAINS = 1_000_000

/** Where a record stands in its lane's chain (`sync/record.ts`). */
export interface Link {
  readonly seq: number
  /** `seq` of the record before it in its lane, 0 for the first. */
  readonly prev: number
}

interface Waiting<T> extends Link {
  readonly content: T
}

interface Chain<T> {
  last: number
  /** In order of `seq`. */
  readonly waiting: Waiting<T>[]
}

/**
 * Puts records of vehicles back into the order in which they happened, by epoch and `seq`. Records
 * mostly come in order and pass at once. One whose predecessor has not been seen waits for it, at most
 * until `WAITING_RECORDS` wait: then what is missing was evicted, or lies before the range.
 */
export class EventOrder<T> {
  /** Predecessors that never came. */
  gaps = 0
  /** Records left out: they, or ones after them, had been seen already. */
  late = 0
  readonly #chains = new Map<string, Chain<T>>()
  readonly #use: (content: T) => void
  #waiting = 0

  constructor(use: (content: T) => void) {
    this.#use = use
  }

  /** @param chain names vehicle, epoch and lane */
  push(name: string, link: Link, content: T): void {
    let chain = this.#chains.get(name)
    if (!chain) {
      if (this.#chains.size === MAX_CHAINS) this.#end(this.#chains.keys().next().value!)
      chain = { last: 0, waiting: [] }
      this.#chains.set(name, chain)
    }
    if (link.seq <= chain.last) {
      this.late++
      return
    }
    if (link.prev <= chain.last && chain.waiting.length === 0) {
      chain.last = link.seq
      this.#use(content)
      return
    }
    this.#wait(chain, { ...link, content })
    while (
      chain.waiting.length > 0 &&
      (chain.waiting[0].prev <= chain.last ||
        chain.waiting.length > WAITING_RECORDS ||
        this.#waiting > MAX_WAITING_RECORDS)
    ) {
      this.#release(chain)
    }
  }

  /** Nothing more comes: what waits goes on in order, and every chain is forgotten. */
  close(): void {
    for (const name of this.#chains.keys()) this.#end(name)
  }

  #end(name: string): void {
    const chain = this.#chains.get(name)!
    while (chain.waiting.length > 0) this.#release(chain)
    this.#chains.delete(name)
  }

  #wait(chain: Chain<T>, one: Waiting<T>): void {
    const { waiting } = chain
    let at = waiting.length
    while (at > 0 && waiting[at - 1].seq > one.seq) at--
    if (at > 0 && waiting[at - 1].seq === one.seq) {
      this.late++
      return
    }
    waiting.splice(at, 0, one)
    this.#waiting++
  }

  #release(chain: Chain<T>): void {
    const { seq, prev, content } = chain.waiting.shift()!
    this.#waiting--
    // The first record of a range has its predecessor before it: no gap.
    if (prev > chain.last && chain.last > 0) this.gaps++
    chain.last = seq
    this.#use(content)
  }
}
