import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { randomOf } from '../../models/training/random.ts'
import { Outbox } from '../../sync/outbox/outbox.ts'
import { LANES } from '../../sync/record.ts'
import { tempDir } from '../support/temp-dir.ts'
import { pumpOf, rest, started } from './pump-support.ts'
import { Remote } from './remote.ts'
import { ledgerOf, openOutbox, readAll, record, textOf, until } from './support.ts'

const SEED = Number(process.env.SEED ?? 20261123)
test('what is committed is sent, in order, and deleted in the end', async (t) => {
  const remote = new Remote()
  const { outbox, pump } = started(t, remote, { releaseIntervalMs: 20 })
  for (let i = 0; i < 50; i++) {
    outbox.append([record(LANES[i % 3], `${i}`), record('telemetry', `t${i}`)])
    pump.notify()
    if (i % 7 === 0) await sleep(1)
  }
  await until('all arrived', () => remote.log.length === 100)
  assert.deepEqual(
    remote.log.map(({ seq }) => seq).sort((a, b) => a - b),
    Array.from({ length: 100 }, (_, i) => i + 1),
  )
  await until('all deleted', () => readAll(outbox).length === 0)
  const { state, sentRecords, sentBytes, lastAckTimeUs } = pump.status()
  assert.equal(state, 'live')
  assert.equal(sentRecords, 100)
  assert.equal(
    sentBytes,
    remote.log.reduce((sum, { payload }) => sum + payload.length, 0),
  )
  assert.ok(lastAckTimeUs > 0)
})

test('critical first, then events, then telemetry', async (t) => {
  const remote = new Remote()
  remote.up = false
  const { outbox, pump } = started(t, remote)
  for (let i = 0; i < 30; i++) outbox.append(LANES.toReversed().map((lane) => record(lane, 'x')))
  remote.up = true
  pump.notify()
  await until('all arrived', () => remote.log.length === 90)
  const order = remote.log.map(({ lane }) => LANES.indexOf(lane))
  assert.deepEqual(order, order.toSorted())
  // One that comes while a long backlog is being sent overtakes it.
  let open = () => {}
  remote.barrier = new Promise((resolve) => {
    open = resolve
  })
  const before = remote.sends
  outbox.append(Array.from({ length: 3000 }, () => record('telemetry', 'x')))
  pump.notify()
  await until('a batch is on its way', () => remote.sends > before)
  outbox.append([record('critical', 'alarm')])
  pump.notify()
  open()
  remote.barrier = undefined
  await until('all arrived', () => remote.log.length === 3091)
  const at = remote.log.findIndex((each) => textOf(each) === 'alarm')
  assert.ok(at > 90 && at < 3090, `the alarm was number ${at}`)
})

test(`a link that fails at random loses nothing and doubles nothing`, async (t) => {
  t.diagnostic(`SEED=${SEED}`)
  const random = randomOf(SEED)
  for (let round = 0; round < 8; round++) {
    const remote = new Remote(random)
    remote.chances = {
      lostBefore: random() * 0.4,
      lostAfter: random() * 0.4,
      openFails: random() * 0.4,
    }
    const path = join(tempDir(t), 'o.db')
    // The process dies now and then: what the outbox only had in memory is gone.
    const maxRecords = 3 + Math.floor(random() * 50)
    const limits = {
      startBatchRecords: maxRecords,
      maxBatchRecords: maxRecords,
      releaseRecords: 20,
    }
    let given = 0
    for (let life = 0; life < 4; life++) {
      const outbox = Outbox.open({ path, vehicle: 'v1', bootId: `${life}` })
      const pump = pumpOf(t, () => outbox, remote, limits)
      for (let i = 0; i < 30; i++) {
        const count = Math.floor(random() * 12)
        outbox.append(
          Array.from({ length: count }, () => record(LANES[Math.floor(random() * 3)], 'x')),
        )
        given += count
        pump.notify()
        if (random() < 0.3) await sleep(1)
      }
      if (life === 3) await until('all arrived', () => rest(outbox) === 0)
      await pump.close(0)
      outbox.close()
    }
    const { critical, events, telemetry } = remote.arrived()
    for (const seqs of [critical, events, telemetry]) {
      assert.deepEqual(
        seqs,
        seqs.toSorted((a, b) => a - b),
        'order',
      )
    }
    const all = new Set([...critical, ...events, ...telemetry])
    assert.equal(remote.log.length, all.size, 'doubled')
    assert.equal(all.size, given, 'lost')
    assert.equal(Math.max(...all), given)
    for (const lane of LANES) {
      const chain = remote.log.filter((each) => each.lane === lane)
      for (let i = 1; i < chain.length; i++) assert.equal(chain[i].prev, chain[i - 1].seq)
    }
  }
})

test('poisoned records are found, buried and told; those behind them go on', async (t) => {
  const remote = new Remote()
  remote.rejects = (each) =>
    textOf(each).startsWith('poison') ? 'too large for the broker' : undefined
  const { outbox, pump } = started(t, remote)
  const poison = new Set([0, 137, 138, 499])
  outbox.append(
    Array.from({ length: 500 }, (_, i) => record('events', poison.has(i) ? `poison ${i}` : `${i}`)),
  )
  outbox.append([record('telemetry', 'poison last'), record('telemetry', 'behind')])
  pump.notify()
  await until('all are away', () => rest(outbox) === 0)
  const ours = remote.log.filter(({ type }) => type === 'milepost.test.v1')
  assert.equal(ours.length, 497)
  assert.ok(ours.every((each) => !textOf(each).startsWith('poison')))
  const events = ours.filter(({ lane }) => lane === 'events').map(({ seq }) => seq)
  assert.deepEqual(
    events,
    events.toSorted((a, b) => a - b),
  )
  const told = ledgerOf(remote.log).filter(({ cause }) => cause === 'rejected')
  const count = (lane: string) =>
    told.filter((entry) => entry.lane === lane).reduce((sum, entry) => sum + entry.count!, 0)
  assert.equal(count('events'), 4)
  assert.equal(count('telemetry'), 1)
  assert.equal(outbox.stat().deadRecords, 5)
  // Found by halving, not one by one.
  assert.ok(remote.sends < 150, `${remote.sends} sends`)
})

test('what is on its way is not evicted: nothing is both delivered and told as lost', async (t) => {
  const remote = new Remote()
  const path = join(tempDir(t), 'o.db')
  const outbox = openOutbox(t, { path, limits: { maxBytes: 1024 ** 2 } })
  const pump = pumpOf(t, () => outbox, remote)
  await until('live', () => pump.status().state === 'live')
  let open = () => {}
  remote.barrier = new Promise((resolve) => {
    open = resolve
  })
  const some = () => Array.from({ length: 50 }, () => record('telemetry', 'x'.repeat(1000)))
  outbox.append(some())
  pump.notify()
  await until('a batch is on its way', () => remote.sends === 1)
  for (let i = 0; i < 40; i++) outbox.append(some())
  open()
  await until('all are away', () => rest(outbox) === 0)
  const evicted = ledgerOf(remote.log).filter(({ cause }) => cause === 'evicted')
  const lost = evicted.reduce((sum, { count }) => sum + count!, 0)
  assert.ok(lost > 500)
  assert.equal(remote.arrived().telemetry.length + lost, 41 * 50)
})

test('what the other side already has is deleted, not sent', async (t) => {
  const remote = new Remote()
  const outbox = openOutbox(t, { path: join(tempDir(t), 'o.db') })
  outbox.append(Array.from({ length: 10 }, () => record('events', 'x')))
  remote.setPositions(outbox.epoch, { critical: 0, events: 6, telemetry: 0 })
  pumpOf(t, () => outbox, remote)
  await until('the rest arrived', () => remote.log.length === 4)
  assert.deepEqual(remote.arrived().events, [7, 8, 9, 10])
})

test('a file restored from a backup loses nothing: it goes on under a new epoch', async (t) => {
  const remote = new Remote()
  const outbox = openOutbox(t, { path: join(tempDir(t), 'o.db') })
  outbox.append([record('events', 'new content under an old number')])
  const { epoch } = outbox
  remote.setPositions(epoch, { critical: 0, events: 900, telemetry: 0 })
  const pump = pumpOf(t, () => outbox, remote)
  await until('both arrived', () => remote.log.length === 2)
  assert.notEqual(outbox.epoch, epoch)
  assert.equal(pump.status().oddPositions?.code, 'UPLINK_AHEAD')
  assert.ok(remote.log.every((each) => each.epoch === outbox.epoch))
  assert.equal(ledgerOf(remote.log)[0].cause, 'epoch_renewed')
})

test('an other side that forgot what it acknowledged is told of, also after a restart, once', async (t) => {
  const remote = new Remote()
  remote.tells = true
  const path = join(tempDir(t), 'o.db')
  const before = openOutbox(t, { path })
  before.append(Array.from({ length: 10 }, () => record('events', 'x')))
  const first = pumpOf(t, () => before, remote)
  await until('all are away', () => rest(before) === 0)
  await first.close(0)
  assert.equal(first.status().oddPositions, undefined)
  before.close()

  const { epoch } = before
  remote.setPositions(epoch, { critical: 0, events: 4, telemetry: 0 })
  const after = openOutbox(t, { path })
  after.append([record('events', 'y')])
  const second = pumpOf(t, () => after, remote)
  await until('the new one is away', () => rest(after) === 0)
  const { code, message, hint } = second.status().oddPositions!
  assert.equal(code, 'UPLINK_BEHIND')
  assert.match(message, /events up to 4 and not 10/)
  assert.match(hint!, /milepost audit/)
  assert.equal(after.epoch, epoch, 'what is sent from here on follows what was sent before')
  await second.close(0)

  const third = pumpOf(t, () => after, remote)
  after.append([record('events', 'z')])
  await until('the last one is away', () => rest(after) === 0)
  assert.equal(third.status().oddPositions, undefined)
})

test('an other side that never tells how far it got forgets nothing', async (t) => {
  const remote = new Remote()
  const { outbox, pump } = started(t, remote)
  outbox.append([record('events', 'x')])
  await until('it is away', () => rest(outbox) === 0)
  remote.setPositions(outbox.epoch, { critical: 0, events: 0, telemetry: 0 })
  pump.pause()
  await until('it paused', () => pump.status().state === 'off')
  pump.resume()
  await until('it opened again', () => pump.status().state === 'live')
  assert.equal(pump.status().oddPositions, undefined)
})
