import assert from 'node:assert/strict'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { RelayStore } from '../../../sync/relay/store.ts'
import { smallDisk, takeAll } from '../../support/small-disk.ts'
import { makeOlderStore, stored } from './support.ts'

const origin = { vehicle: 'truck-7', epoch: 'e1' }
const LIMITS = { maxBytes: 16 * 1024 ** 2 }

/** A store with two records, closed in peace; nothing is left of SQLite's own files beside it. */
function filled(disk: string): string {
  const path = join(disk, 'relay.db')
  const store = RelayStore.open(path, LIMITS)
  store.accept(origin, [stored(1), stored(2)])
  store.close()
  assert.ok(!existsSync(`${path}-shm`))
  return path
}

function open(t: TestContext, path: string): RelayStore {
  const store = RelayStore.open(path, LIMITS)
  t.after(() => store.close())
  return store
}

const numbers = (store: RelayStore) =>
  store.read('events', 0, 10, 1e6).map(({ record }) => record.seq)

test('a store is opened, read and emptied on a disk without a free byte', (t) => {
  const disk = smallDisk(t, 4096)
  if (!disk) return
  const path = filled(disk)
  const hog = takeAll(disk)
  const store = open(t, path)
  // The forwarder's thread opens it, too.
  const forwarder = open(t, path)
  assert.deepEqual(numbers(forwarder), [1, 2])
  assert.equal(store.positions(origin).events, 2)
  forwarder.release({ critical: 0, events: 2, telemetry: 0 })
  assert.deepEqual(numbers(store), [])
  rmSync(hog)
  store.accept(origin, [stored(3)])
  assert.ok(!existsSync(`${path}-spare`), 'spent')
  forwarder.release({ critical: 0, events: 2, telemetry: 0 })
  assert.ok(existsSync(`${path}-spare`), 'kept anew once there is room')
})

test('one of an earlier release owns no spare: a full disk by name, and as it was once there is room', (t) => {
  const disk = smallDisk(t, 4096)
  if (!disk) return
  const path = filled(disk)
  makeOlderStore(path)
  rmSync(`${path}-spare`)
  const hog = takeAll(disk)
  assert.throws(
    () => RelayStore.open(path, LIMITS),
    ({ code, hint }) => code === 'OUTBOX_FULL' && /Free some space/.test(hint),
  )
  rmSync(hog)
  const store = open(t, path)
  assert.deepEqual(numbers(store), [1, 2])
  assert.equal(store.positions(origin).events, 2)
})
