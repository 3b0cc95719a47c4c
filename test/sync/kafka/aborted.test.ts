import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AbortedFilter, markAborted } from '../../../sync/kafka/aborted.ts'

interface Step {
  producer: number
  action: 'write' | 'commit' | 'abort'
}

interface Entry {
  offset: number
  producer: number
  control: boolean
  aborted: boolean
}

/** Writes a log as a broker would, and knows of each record whether its transaction was aborted. */
function logOf(steps: readonly Step[]): {
  log: Entry[]
  transactions: { producerId: string; firstOffset: string }[]
} {
  const log: Entry[] = []
  const open = new Map<number, Entry[]>()
  const transactions: { producerId: string; firstOffset: string }[] = []
  const everyone = new Set(steps.map(({ producer }) => producer))
  const ends: Step[] = [...everyone].map((producer) => ({ producer, action: 'abort' }))
  for (const { producer, action } of [...steps, ...ends]) {
    const entry = { offset: log.length, producer, control: action !== 'write', aborted: false }
    const records = open.get(producer) ?? []
    if (action === 'write') open.set(producer, [...records, entry])
    else {
      if (records.length === 0) continue
      if (action === 'abort') {
        for (const record of records) record.aborted = true
        transactions.push({ producerId: String(producer), firstOffset: String(records[0].offset) })
      }
      open.delete(producer)
    }
    log.push(entry)
  }
  return { log, transactions }
}

const steps = fc.array(
  fc.record({
    producer: fc.integer({ min: 1, max: 4 }),
    action: fc.constantFrom(
      'write' as const,
      'write' as const,
      'write' as const,
      'commit' as const,
      'abort' as const,
    ),
  }),
  { maxLength: 60 },
)

test('whatever the order of the list and the place where the fetch begins, exactly the aborted are left out', () => {
  fc.assert(
    fc.property(steps, fc.infiniteStream(fc.nat()), fc.nat(), (history, order, begin) => {
      const { log, transactions } = logOf(history)
      const from = log.length ? begin % log.length : 0
      const fetched = log.slice(from)
      // As a broker does: what ended before the fetch is not in its list.
      const relevant = transactions.filter(({ producerId, firstOffset }) => {
        const end = log.find(
          (e) => e.control && e.producer === Number(producerId) && e.offset > Number(firstOffset),
        )
        return end === undefined || end.offset >= from
      })
      const shuffled = relevant
        .map((transaction) => ({ transaction, at: order.next().value as number }))
        .sort((a, b) => a.at - b.at)
        .map(({ transaction }) => transaction)

      const filter = new AbortedFilter(shuffled)
      const messages = fetched.map((entry) => ({
        offset: String(entry.offset),
        key: null,
        isControlRecord: entry.control,
        batchContext: { producerId: String(entry.producer), inTransaction: true },
      }))
      markAborted(messages, shuffled)
      for (const [index, { producer, offset, control, aborted }] of fetched.entries()) {
        if (control) filter.end(BigInt(producer), BigInt(offset))
        else assert.equal(filter.isAborted(BigInt(producer), BigInt(offset)), aborted)
        assert.equal(messages[index].isControlRecord, control || aborted)
      }
    }),
    { numRuns: 500 },
  )
})

test('records outside of transactions are never left out', () => {
  const message = {
    offset: '7',
    key: null,
    isControlRecord: false,
    batchContext: { producerId: '5', inTransaction: false },
  }
  markAborted([message], [{ producerId: '5', firstOffset: '1' }])
  assert.equal(message.isControlRecord, false)
})
