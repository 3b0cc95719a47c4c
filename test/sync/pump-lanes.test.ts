import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LANES } from '../../sync/record.ts'
import { rest, started } from './pump-support.ts'
import { Remote } from './remote.ts'
import { ledgerOf, record, textOf, until } from './support.ts'

for (const how of ['refused', 'denied'] as const) {
  test(`a lane that is ${how} is told with its hint and tried again; the others go on`, async (t) => {
    const remote = new Remote()
    remote[how].add('critical')
    const { outbox, pump } = started(t, remote)
    for (let i = 0; i < 20; i++) outbox.append(LANES.map((lane) => record(lane, `${i}`)))
    pump.notify()
    await until('the other two arrived', () => remote.log.length === 40)
    assert.equal(remote.arrived().critical.length, 0)
    await until('tried again', () => (pump.status().blocked?.[0]?.tries ?? 0) >= 3)
    const [blocked, ...more] = pump.status().blocked ?? []
    assert.deepEqual(more, [])
    assert.equal(blocked.lane, 'critical')
    assert.match(blocked.code, /^UPLINK_TOPIC_/)
    assert.ok(blocked.hint)
    outbox.append([record('events', 'late')])
    pump.notify()
    await until('what came later arrived', () => remote.arrived().events.length === 21)
    remote[how].clear()
    await until('all arrived', () => rest(outbox) === 0)
    assert.deepEqual(
      remote.arrived().critical,
      remote.arrived().critical.toSorted((a, b) => a - b),
    )
    assert.equal(remote.log.length, 61)
    assert.equal(pump.status().blocked, undefined)
    assert.equal(pump.status().lastError, undefined)
  })
}

test('a lane whose topic is missing is tried at bounded intervals, not in a loop', async (t) => {
  const remote = new Remote()
  remote.refused.add('telemetry')
  const { outbox, pump } = started(t, remote, {
    minLaneRetryMs: 3_600_000,
    maxLaneRetryMs: 3_600_000,
  })
  outbox.append([record('telemetry', 'x')])
  for (let i = 0; i < 30; i++) {
    outbox.append([record('events', `${i}`)])
    pump.notify()
    await until('arrived', () => remote.log.length === i + 1)
  }
  assert.equal(remote.opens, 1)
  assert.ok(pump.status().blocked![0].nextRetryTimeUs > Date.now() * 1000)
})

test('while a poison record is being looked for, alarms are not kept waiting', async (t) => {
  const remote = new Remote()
  remote.rejects = (each) => (textOf(each) === 'poison' ? 'no' : undefined)
  const { outbox, pump } = started(t, remote, { startBatchRecords: 4096, maxBatchRecords: 4096 })
  outbox.append(
    Array.from({ length: 4000 }, (_, i) => record('telemetry', i === 2500 ? 'poison' : `${i}`)),
  )
  pump.notify()
  await until('it is refused', () => remote.sends >= 1)
  outbox.append([record('critical', 'alarm')])
  pump.notify()
  await until('all are away', () => rest(outbox) === 0)
  const at = remote.log.findIndex((each) => textOf(each) === 'alarm')
  const all = remote.log.length
  assert.ok(at < all / 2, `the alarm was number ${at} of ${all}`)
  const rejected = ledgerOf(remote.log).filter(({ cause }) => cause === 'rejected')
  assert.deepEqual(
    rejected.map(({ lane, count }) => [lane, count]),
    [['telemetry', 1]],
  )
  assert.equal(pump.status().rejectedRecords, 1)
  assert.equal(pump.status().lastRejection?.code, 'UPLINK_REJECTED')
  assert.equal(remote.arrived().telemetry.length, 3999)
})

test('all three lanes refused: nothing is sent, nothing is lost, and they come back one by one', async (t) => {
  const remote = new Remote()
  for (const lane of LANES) remote.refused.add(lane)
  const { outbox, pump } = started(t, remote)
  outbox.append(LANES.map((lane) => record(lane, 'x')))
  pump.notify()
  await until('all blocked', () => pump.status().blocked?.length === 3)
  for (const lane of LANES.toReversed()) {
    remote.refused.delete(lane)
    await until(`${lane} arrived`, () => remote.arrived()[lane].length === 1)
  }
  assert.equal(remote.log.length, 3)
})
