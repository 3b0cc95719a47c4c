import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Audit } from '../../sync/audit.ts'
import { Excuses } from '../../sync/excuses.ts'
import type { LedgerEntry } from '../../sync/ledger.ts'
import { LANES } from '../../sync/record.ts'

const evicted = (firstSeq: number, lastSeq: number, count: number | null): LedgerEntry => ({
  cause: 'evicted',
  lane: 'telemetry',
  firstSeq,
  lastSeq,
  count,
})

test('an entry accounts for as many as it counts, inside its range', () => {
  const excuses = new Excuses()
  excuses.add(evicted(3, 9, 2))
  assert.equal(excuses.settle([2]), 0)
  assert.equal(excuses.settle([3, 9]), 2)
  assert.equal(excuses.settle([3, 5, 9]), 2)
  assert.equal(excuses.settle([10]), 0)
})

test('records without a number excuse none that has one', () => {
  const excuses = new Excuses()
  excuses.add({ cause: 'disk_full', lane: 'telemetry', count: 900 })
  assert.equal(excuses.settle([1, 2]), 0)
})

test('a file that was put aside accounts for whatever its epoch lacks', () => {
  const audit = new Audit()
  audit.expect('v', 'old', 5)
  audit.ledger('v', 'new', [{ cause: 'corrupt', lane: null, epoch: 'old', count: null }])
  audit.add({ vehicle: 'v', epoch: 'old', lane: 'events', seq: 2 })
  const [old] = audit.report()
  assert.deepEqual([old.epoch, old.missing, old.ledgered], ['old', 0, 4])
})

test('honest entries of interleaved lanes account for all losses; one more loss is found', () => {
  const step = fc.record({ lane: fc.constantFrom(0, 1, 2), lost: fc.boolean(), cut: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.nat(), (steps, pick) => {
      // Each lane tells its losses in runs; a run ends where `cut` says, so that ranges overlap.
      const excuses = new Excuses()
      const runs = new Map<number, { first: number; last: number; count: number }>()
      const tell = (lane: number) => {
        const run = runs.get(lane)
        if (run) excuses.add(evicted(run.first, run.last, run.count))
        runs.delete(lane)
      }
      const lost: number[] = []
      steps.forEach((at, index) => {
        if (at.lost) {
          lost.push(index + 1)
          const run = runs.get(at.lane) ?? { first: index + 1, last: 0, count: 0 }
          runs.set(at.lane, { ...run, last: index + 1, count: run.count + 1 })
        }
        if (at.cut) tell(at.lane)
      })
      LANES.forEach((_, lane) => {
        tell(lane)
      })
      assert.equal(excuses.settle(lost), lost.length)
      const kept = steps.flatMap((at, index) => (at.lost ? [] : [index + 1]))
      if (kept.length === 0) return
      const also = [...lost, kept[pick % kept.length]].sort((a, b) => a - b)
      assert.equal(excuses.settle(also), lost.length)
    }),
    { seed: 11 },
  )
})

test('by chains: a record that names one that never came tells of a gap, its beginning is free', () => {
  const audit = new Audit({ byChains: true })
  const add = (seq: number, prev: number) =>
    audit.add({ vehicle: 'v', epoch: 'e', lane: 'events', seq, prev })
  add(70, 64)
  add(80, 70)
  add(95, 88)
  add(96, 95)
  const [{ missing, present, outOfOrder }] = audit.report()
  assert.deepEqual({ missing, present, outOfOrder }, { missing: 1, present: 4, outOfOrder: 0 })
})

test('what is no identity is refused, not counted', () => {
  const audit = new Audit()
  const record = { vehicle: 'v', epoch: 'e', lane: 'events' as const }
  for (const seq of [0, -1, 1.5 * Number.NaN, 2 ** 40]) {
    assert.throws(() => audit.add({ ...record, seq }), RangeError)
  }
  assert.deepEqual(audit.report(), [])
})
