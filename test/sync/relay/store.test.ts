import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { RelayStore } from '../../../sync/relay/store.ts'
import { tipOf } from '../../../sync/tip.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { makeOlderStore, stored } from './support.ts'

const origin = { vehicle: 'truck-7', epoch: 'e1' }

function open(t: TestContext, path = join(tempDir(t), 'relay.db'), limits = {}) {
  const store = RelayStore.open(path, limits)
  t.after(() => store.close())
  return store
}

test('a record comes back as it was given, under its own identity', (t) => {
  const store = open(t)
  const given = stored(5, 3, { clock: 'unsynced', contentType: 'avro/binary', timeUs: -1 })
  store.accept(origin, [given])
  const [{ id, origin: from, record }] = store.read('events', 0, 10, 1e6)
  assert.deepEqual([id, from, record], [1, origin, given])
})

test('what was kept before is not kept twice, also by a second process and a later run', (t) => {
  const path = join(tempDir(t), 'relay.db')
  const first = RelayStore.open(path)
  const other = open(t, path)
  assert.equal(first.accept(origin, [stored(1), stored(2)]).kept, 2)
  const again = other.accept(origin, [stored(1), stored(2), stored(3)])
  assert.deepEqual([again.kept, again.duplicates, again.positions.events], [1, 2, 3])
  first.release({ critical: 0, events: 3, telemetry: 0 })
  first.close()
  const later = open(t, path)
  assert.equal(later.accept(origin, [stored(3)]).duplicates, 1)
  assert.equal(later.lastId('events'), 3)
  later.accept(origin, [stored(4)])
  assert.deepEqual(
    other.read('events', 0, 10, 1e6).map(({ id }) => id),
    [4],
  )
  assert.equal(other.epoch, first.epoch)
})

test('lanes, epochs and vehicles have positions of their own', (t) => {
  const store = open(t)
  const results = store.acceptAll([
    { origin, records: [stored(9, 4), stored(10, 0, { lane: 'critical' })] },
    { origin: { ...origin, epoch: 'e2' }, records: [stored(1, 0)] },
    { origin: { ...origin, vehicle: 'bus-1' }, records: [stored(1, 0)] },
  ])
  assert.deepEqual(results[0].positions, { critical: 10, events: 9, telemetry: 0 })
  assert.deepEqual(store.positions({ ...origin, epoch: 'e2' }).events, 1)
  assert.deepEqual(store.positions({ vehicle: 'nobody', epoch: 'e1' }).events, 0)
  assert.equal(store.stat().vehicles, 2)
})

test('it tells its last record of each lane from another of that number, folded or not', (t) => {
  const path = join(tempDir(t), 'relay.db')
  const first = RelayStore.open(path)
  const other = open(t, path)
  const [one, two] = [stored(1), stored(2)]
  const alarm = stored(3, 0, { lane: 'critical', monoUs: 99 })
  first.accept(origin, [one, two, alarm])
  // It comes again with something else in it: the first is the one that is here.
  first.accept(origin, [stored(2, 1, { payload: Buffer.from('other') })])
  const tips = { critical: tipOf(alarm), events: tipOf(two) }
  assert.deepEqual(first.tips(origin), tips)
  other.refresh()
  assert.deepEqual(other.tips(origin), tips)
  other.release({ critical: 1, events: 2, telemetry: 0 })
  first.close()
  const later = open(t, path)
  assert.deepEqual(later.tips(origin), tips)
  later.accept(origin, [stored(4)])
  assert.equal(later.tips(origin).events, tipOf(stored(4)))
  assert.deepEqual(later.tips({ ...origin, epoch: 'e2' }), {})
})

test('a store of an earlier release, without tips, is taken over with its positions', (t) => {
  const path = join(tempDir(t), 'relay.db')
  const old = RelayStore.open(path)
  old.accept(origin, [stored(1), stored(2)])
  old.release({ critical: 0, events: 2, telemetry: 0 })
  old.close()
  makeOlderStore(path)
  const store = open(t, path)
  assert.equal(store.positions(origin).events, 2)
  assert.deepEqual(store.tips(origin), {})
  assert.equal(store.accept(origin, [stored(2), stored(3)]).kept, 1)
  assert.deepEqual(store.tips(origin), { events: tipOf(stored(3)) })
})

test('a gap is told, but not the one before an origin first came', (t) => {
  const store = open(t)
  assert.equal(store.accept(origin, [stored(7, 6), stored(8)]).gaps, 0)
  assert.equal(store.accept(origin, [stored(12, 10), stored(13)]).gaps, 1)
})

test('all or none: a record that is none takes the call with it', (t) => {
  const store = open(t)
  const call = () => store.accept(origin, [stored(1), stored(2, 2)])
  assert.throws(call, { code: 'RECORD_INVALID' })
  assert.equal(store.stat().waiting.events, 0)
  // A kind that was rolled back is given anew.
  store.accept(origin, [stored(1)])
  assert.equal(store.read('events', 0, 9, 1e6)[0].record.type, 'milepost.test.v1')
})

test('full, it refuses and keeps what it has; vehicles and epochs are bounded', (t) => {
  const store = open(t, undefined, {
    maxBytes: 9 * 2 ** 20,
    maxVehicles: 2,
    maxEpochsPerVehicle: 3,
  })
  const big = (seq: number) => stored(seq, seq - 1, { payload: Buffer.alloc(200_000) })
  let kept = 0
  assert.throws(
    () => {
      for (;;) store.accept(origin, [big(++kept)])
    },
    { code: 'OUTBOX_FULL' },
  )
  assert.equal(store.positions(origin).events, kept - 1)
  store.release({ critical: 0, events: kept, telemetry: 0 })
  for (let i = 2; i < 9; i++) store.accept({ ...origin, epoch: `e${i}` }, [stored(1)])
  // Those that records wait under stay; the others go, the oldest first.
  assert.equal(store.positions({ ...origin, epoch: 'e2' }).events, 1)
  store.release({ critical: 0, events: store.lastId('events'), telemetry: 0 })
  store.accept({ ...origin, epoch: 'e9' }, [stored(1)])
  assert.equal(store.positions({ ...origin, epoch: 'e7' }).events, 1)
  assert.equal(store.positions({ ...origin, epoch: 'e6' }).events, 0)
  store.accept({ vehicle: 'second', epoch: 'e' }, [stored(1)])
  const third = () => store.accept({ vehicle: 'third', epoch: 'e' }, [stored(1)])
  assert.throws(third, { code: 'RECORD_INVALID' })
})
