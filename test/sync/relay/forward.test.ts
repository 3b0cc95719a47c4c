import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Pump } from '../../../sync/pump.ts'
import { LANES, type Lane, type StoredRecord } from '../../../sync/record.ts'
import { Refusals } from '../../../sync/relay/refusals.ts'
import { ownerOf, RelaySource } from '../../../sync/relay/relay-source.ts'
import { RelayStore } from '../../../sync/relay/store.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { Remote } from '../remote.ts'
import { ledgerOf, textOf, until } from '../support.ts'

/** Stands still: what the depot itself tells has this time. */
const CLOCK = { nowUs: () => 1_795_000_000_000_000, monoUs: () => 123_456_789 }
const LIMITS = { minRetryMs: 1, maxRetryMs: 5, minLaneRetryMs: 5, maxLaneRetryMs: 10 }

function record(lane: Lane, seq: number, text = `${lane} ${seq}`): StoredRecord {
  const time = { timeUs: 1_795_000_000_000_000 + seq, monoUs: seq, clock: 'synced' as const }
  const kind = { type: 'milepost.test.v1', bootId: 'b', contentType: 'text/plain' }
  return { lane, seq, prev: seq - 1, ...time, ...kind, payload: Buffer.from(text) }
}

/** A store that the intake writes to, and beside it the one that the forwarder's thread has. */
function forwarding(t: TestContext, remote: Remote, path = join(tempDir(t), 'relay.db')) {
  const written = RelayStore.open(path)
  const read = RelayStore.open(path)
  const refusals = new Refusals(read, 'depot', 'boot', CLOCK)
  const source = new RelaySource('depot.relay', read, refusals, (at) => written.release(at))
  const pump = new Pump({
    ...{ kind: 'memory', source: () => source, makeUplink: () => remote.uplink() },
    limits: { ...LIMITS, releaseIntervalMs: 5 },
  })
  t.after(async () => {
    await pump.close(0)
    read.close()
    written.close()
  })
  const keep = (vehicle: string, records: StoredRecord[]) => {
    written.accept({ vehicle, epoch: 'e1' }, records)
    pump.notify()
  }
  const waiting = () => {
    const { waiting } = written.stat(source.acked)
    return LANES.reduce((sum, lane) => sum + waiting[lane], 0)
  }
  return { written, source, pump, refusals, keep, waiting }
}

test('the pump empties a relay’s store: each lane in order, under the senders’ names, then forgotten', async (t) => {
  const remote = new Remote()
  const { written, pump, keep, waiting } = forwarding(t, remote)
  pump.start()
  const expected: string[] = []
  for (let n = 1; n <= 40; n++) {
    const vehicle = `bus-${n % 4}`
    keep(vehicle, [record('telemetry', n), record('critical', n)])
    expected.push(`${vehicle}/${n}`)
  }
  await until('all sent', () => remote.log.length === 80)
  for (const lane of ['telemetry', 'critical'] as const) {
    const sent = remote.log.filter((each) => each.lane === lane)
    assert.deepEqual(
      sent.map((each) => `${ownerOf(each).origin.vehicle}/${ownerOf(each).record.seq}`),
      expected,
    )
  }
  await until('all forgotten', () => written.read('telemetry', 0, 10, 1e6).length === 0)
  assert.equal(waiting(), 0)
})

test('what the other side refuses is put aside and told, wherever it lies; the rest goes on', async (t) => {
  const remote = new Remote()
  remote.rejects = (each) => (textOf(each).startsWith('poison') ? 'too large' : undefined)
  const { pump, keep, waiting, refusals } = forwarding(t, remote)
  const texts = Array.from({ length: 64 }, (_, n) => (n % 21 === 0 ? `poison ${n}` : `${n}`))
  keep(
    'bus-1',
    texts.map((text, n) => record('events', n + 1, text)),
  )
  pump.start()
  // The last of them is refused as well: nothing comes behind it that would move the position.
  await until('nothing waits', () => waiting() === 0)
  assert.equal(refusals.count, 4)
  const events = remote.log.filter(({ lane }) => lane === 'events')
  assert.deepEqual(
    events.map(textOf),
    texts.filter((text) => !text.startsWith('poison')),
  )
  await until('the ledger', () => ledgerOf(remote.log).length === 4)
  assert.deepEqual(
    ledgerOf(remote.log).map(({ vehicle, firstSeq }) => `${vehicle}/${firstSeq}`),
    ['bus-1/1', 'bus-1/22', 'bus-1/43', 'bus-1/64'],
  )
  const told = remote.log.filter(({ lane }) => lane === 'critical').map((each) => ownerOf(each))
  assert.deepEqual(
    told.map(({ record: { bootId, monoUs, timeUs, clock } }) => ({
      bootId,
      monoUs,
      timeUs,
      clock,
    })),
    told.map(() => ({
      ...{ bootId: 'boot', monoUs: CLOCK.monoUs(), timeUs: CLOCK.nowUs(), clock: 'unsynced' },
    })),
  )
})

test('what was put aside is not tried again by a later run, though the position lies before it', async (t) => {
  const path = join(tempDir(t), 'relay.db')
  const remote = new Remote()
  remote.rejects = ({ lane }) => (lane === 'events' ? 'too large' : undefined)
  const first = forwarding(t, remote, path)
  first.keep('bus-1', [record('events', 1), record('events', 2)])
  first.pump.start()
  await until('nothing waits', () => first.waiting() === 0)
  await first.pump.close(0)
  remote.rejects = () => undefined
  const second = forwarding(t, remote, path)
  second.keep('bus-1', [record('events', 3)])
  second.pump.start()
  await until('nothing waits', () => second.waiting() === 0)
  const events = remote.log.filter(({ lane }) => lane === 'events')
  assert.deepEqual(events.map(textOf), ['events 3'])
  assert.equal(second.refusals.count, 0)
})

test('a lane that is not taken waits alone, and goes when it is taken', async (t) => {
  const remote = new Remote()
  remote.refused.add('events')
  const { pump, keep, waiting } = forwarding(t, remote)
  pump.start()
  keep('bus-1', [record('events', 1), record('critical', 1), record('telemetry', 1)])
  await until('the others', () => remote.log.length === 2)
  await until('told', () => pump.status().blocked?.[0].code === 'UPLINK_TOPIC_MISSING')
  assert.equal(waiting(), 1)
  remote.refused.clear()
  await until('all', () => waiting() === 0)
})

test('a store restored from an older copy goes on under a new epoch', async (t) => {
  const remote = new Remote()
  const { source, pump, keep } = forwarding(t, remote)
  const { epoch } = source
  remote.setPositions(epoch, { critical: 0, events: 0, telemetry: 99 })
  keep('bus-1', [record('telemetry', 1)])
  pump.start()
  await until('sent', () => remote.log.length === 1)
  assert.notEqual(remote.log[0].epoch, epoch)
})
