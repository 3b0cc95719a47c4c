import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { LANES } from '../../sync/record.ts'
import { started } from './pump-support.ts'
import { Remote } from './remote.ts'
import { record, until } from './support.ts'

test('batches grow while sends are quick, and shrink when they are slow', async (t) => {
  const remote = new Remote()
  remote.up = false
  const { outbox, pump } = started(t, remote, {
    startBatchRecords: 100,
    maxBatchRecords: 800,
    slowSendMs: 4000,
  })
  const batch = Array.from({ length: 1000 }, () => record('telemetry', 'x'))
  for (let i = 0; i < 5; i++) outbox.append(batch)
  remote.up = true
  pump.notify()
  await until('all arrived', () => remote.log.length === 5000)
  assert.equal(remote.batches[0], 100)
  assert.equal(Math.max(...remote.batches), 800)
  const slow = new Remote()
  slow.up = false
  const other = started(t, slow, { startBatchRecords: 800, maxBatchRecords: 800, slowSendMs: 0 })
  other.outbox.append(batch)
  slow.up = true
  other.pump.notify()
  await until('all arrived', () => slow.log.length === 1000)
  assert.deepEqual(slow.batches, [800, 200])
  other.outbox.append(batch)
  other.pump.notify()
  await until('all arrived', () => slow.log.length === 2000)
  assert.equal(slow.batches[2], 200)
})

test('a batch keeps to its bytes', async (t) => {
  const remote = new Remote()
  remote.up = false
  const { outbox, pump } = started(t, remote, { maxBatchBytes: 100_000, startBatchRecords: 5000 })
  const bytes: number[] = []
  remote.rejects = () => undefined
  for (let i = 0; i < 60; i++)
    outbox.append([record(LANES[i % 3], 'x'.repeat(i === 31 ? 300_000 : 9_000))])
  remote.up = true
  pump.notify()
  await until('all arrived', () => remote.log.length === 60)
  let at = 0
  for (const size of remote.batches) {
    const sum = remote.log
      .slice(at, at + size)
      .reduce((total, { payload }) => total + payload.length, 0)
    bytes.push(sum)
    at += size
    assert.ok(sum <= 100_000 || size === 1, `${size} records of ${sum} bytes`)
  }
  assert.ok(bytes.length > 5)
})

test('telemetry waits for company where it is told to, an event does not', async (t) => {
  const remote = new Remote()
  const { outbox, pump } = started(t, remote, { telemetryLingerMs: 3_600_000 })
  outbox.append([record('telemetry', 'a')])
  pump.notify()
  await until('live', () => pump.status().state === 'live')
  await sleep(20)
  assert.equal(remote.log.length, 0)
  outbox.append([record('events', 'b')])
  pump.notify()
  await until('both arrived', () => remote.log.length === 2)
})
