import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Audit } from '../../sync/audit.ts'
import { LANES, type Lane } from '../../sync/record.ts'

test('every loss, copy and swap planted in a stream is found, and nothing else', () => {
  const record = fc.record({
    lane: fc.constantFrom<Lane[]>(...LANES),
    fate: fc.constantFrom('kept', 'kept', 'kept', 'lost', 'doubled', 'evicted'),
  })
  fc.assert(
    fc.property(fc.array(record, { maxLength: 200 }), (records) => {
      const audit = new Audit()
      audit.expect('v', 'e', records.length)
      records.forEach(({ lane, fate }, i) => {
        const seq = i + 1
        if (fate === 'evicted') audit.excuse('v', 'e', [seq])
        if (fate === 'kept' || fate === 'doubled')
          audit.add({ vehicle: 'v', epoch: 'e', lane, seq })
        if (fate === 'doubled') audit.add({ vehicle: 'v', epoch: 'e', lane, seq })
      })
      const count = (fate: string) => records.filter((r) => r.fate === fate).length
      assert.deepEqual(audit.report(), [
        {
          vehicle: 'v',
          epoch: 'e',
          lastSeq: records.length,
          present: count('kept') + count('doubled'),
          missing: count('lost'),
          duplicated: count('doubled'),
          outOfOrder: 0,
          ledgered: count('evicted'),
        },
      ])
    }),
    { seed: 7 },
  )
})

test('order counts within a lane only', () => {
  const audit = new Audit()
  const add = (lane: Lane, seq: number) => audit.add({ vehicle: 'v', epoch: 'e', lane, seq })
  add('telemetry', 2)
  add('telemetry', 4)
  add('critical', 1)
  add('critical', 5)
  add('telemetry', 3)
  const [account] = audit.report()
  assert.equal(account.outOfOrder, 1)
  assert.equal(account.missing, 0)
})
