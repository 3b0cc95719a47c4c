import type { LedgerEntry } from './ledger.ts'

interface Range {
  readonly firstSeq: number
  readonly lastSeq: number
  left: number
}

/**
 * What the ledger says of one epoch. An entry names a range and how many of it are missing, not
 * which: `seq` counts over all lanes, and the range of one lane has records of the others in it.
 */
export class Excuses {
  readonly #ranges: Range[] = []

  /** Takes an entry; those without a range, which never had a `seq`, excuse nothing. */
  add({ firstSeq, lastSeq, count, epoch }: LedgerEntry): void {
    const left = count ?? Number.POSITIVE_INFINITY
    if (firstSeq !== undefined && lastSeq !== undefined) {
      this.#ranges.push({ firstSeq, lastSeq, left })
    } else if (count === null && epoch !== undefined) {
      // A file that was put aside, or given up: nobody can know how many, or which.
      this.#ranges.push({ firstSeq: 1, lastSeq: Number.POSITIVE_INFINITY, left })
    }
  }

  /**
   * How many of these missing numbers, which ascend, the entries account for. Each is given to the
   * entry that ends first, so that as many as can be find one.
   */
  settle(missing: Iterable<number>): number {
    const waiting = this.#ranges.map((range) => ({ ...range }))
    waiting.sort((a, b) => b.firstSeq - a.firstSeq)
    let open: Range[] = []
    let settled = 0
    for (const seq of missing) {
      let opened = false
      while (waiting.length > 0 && waiting[waiting.length - 1].firstSeq <= seq) {
        open.push(waiting.pop()!)
        opened = true
      }
      if (opened) open.sort((a, b) => a.lastSeq - b.lastSeq)
      if (open.length > 0 && (open[0].lastSeq < seq || open[0].left === 0)) {
        open = open.filter(({ lastSeq, left }) => lastSeq >= seq && left > 0)
      }
      if (open.length === 0) continue
      open[0].left--
      settled++
    }
    return settled
  }
}
