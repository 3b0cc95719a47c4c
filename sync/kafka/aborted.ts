/** A message as kafkajs decodes it. */
export interface FetchedMessage {
  readonly offset: string
  readonly key: Buffer | null
  isControlRecord: boolean
  readonly batchContext:
    | { readonly producerId: string; readonly inTransaction: boolean }
    | undefined
}

/** An aborted transaction as a broker names it in a fetch response. */
export interface AbortedTransaction {
  readonly producerId: string | bigint
  readonly firstOffset: string | bigint
}

/**
 * Tells which batches of a partition belong to aborted transactions (KIP-98, "Discarding aborted
 * transactions"): a producer's data is aborted from the first offset of its transaction up to its
 * next control batch. Takes the transactions in any order; batches must come in order of offset.
 */
export class AbortedFilter {
  readonly #ahead: { producerId: bigint; firstOffset: bigint }[]
  readonly #open = new Set<bigint>()

  constructor(transactions: readonly AbortedTransaction[]) {
    this.#ahead = transactions
      .map(({ producerId, firstOffset }) => ({
        producerId: BigInt(producerId),
        firstOffset: BigInt(firstOffset),
      }))
      // Last first, so that the next one is taken from the end.
      .sort((a, b) => (a.firstOffset < b.firstOffset ? 1 : a.firstOffset > b.firstOffset ? -1 : 0))
  }

  /** Whether a transactional data batch is to be left out, by its last offset. */
  isAborted(producerId: bigint, lastOffset: bigint): boolean {
    this.#openUpTo(lastOffset)
    return this.#open.has(producerId)
  }

  /** A control batch of this producer: whatever it had open ends here. */
  end(producerId: bigint, lastOffset: bigint): void {
    this.#openUpTo(lastOffset)
    this.#open.delete(producerId)
  }

  #openUpTo(lastOffset: bigint): void {
    for (;;) {
      const next = this.#ahead.at(-1)
      if (!next || next.firstOffset > lastOffset) return
      this.#open.add(next.producerId)
      this.#ahead.pop()
    }
  }
}

/** Marks the messages of aborted transactions as control records, which nobody is given. */
export function markAborted(
  messages: readonly FetchedMessage[],
  transactions: readonly AbortedTransaction[] | null,
): void {
  if (!transactions?.length) return
  const filter = new AbortedFilter(transactions)
  for (const message of messages) {
    if (!message.batchContext?.inTransaction) continue
    const producerId = BigInt(message.batchContext.producerId)
    const offset = BigInt(message.offset)
    if (message.isControlRecord) filter.end(producerId, offset)
    else if (filter.isAborted(producerId, offset)) message.isControlRecord = true
  }
}
