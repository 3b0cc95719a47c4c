import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DAY_MS } from '../desk.ts'
import { inDays, Simulator, TestClient } from './simulator.ts'

test('a timestamp of a lower version is refused', async (t) => {
  const simulator = new Simulator()
  const client = new TestClient(t, simulator)
  simulator.publish('timestamp')
  assert.equal(await client.refresh(), 'ok')
  simulator.signed.timestamp.version = 1
  simulator.write('timestamp')
  assert.equal(await client.refresh(), 'RELEASE_ROLLBACK')
  assert.equal((await client.trusted()).timestamp, 2)
})

for (const withHashes of [false, true]) {
  const how = withHashes ? 'with hashes' : 'without hashes'

  test(`a snapshot of a lower version is refused, ${how}`, async (t) => {
    const simulator = new Simulator()
    const client = new TestClient(t, simulator)
    simulator.withHashes = withHashes
    simulator.publish('snapshot', 'timestamp')
    assert.equal(await client.refresh(), 'ok')
    simulator.signed.snapshot.version = 1
    simulator.write('snapshot')
    simulator.publish('timestamp')
    assert.equal(await client.refresh(), 'RELEASE_ROLLBACK')
    const { timestamp, snapshot } = await client.trusted()
    assert.deepEqual({ timestamp, snapshot }, { timestamp: 2, snapshot: 2 })
  })

  test(`targets of a lower version are refused, ${how}`, async (t) => {
    const simulator = new Simulator()
    const client = new TestClient(t, simulator)
    simulator.withHashes = withHashes
    simulator.all()
    assert.equal(await client.refresh(), 'ok')
    simulator.signed.targets.version = 1
    simulator.write('targets')
    simulator.publish('snapshot', 'timestamp')
    assert.equal(await client.refresh(), 'RELEASE_ROLLBACK')
    const { snapshot, targets } = await client.trusted()
    assert.deepEqual({ snapshot, targets }, { snapshot: 2, targets: 2 })
  })
}

test('a root of a lower version is no root', async (t) => {
  const simulator = new Simulator()
  const client = new TestClient(t, simulator)
  simulator.publish('root')
  assert.equal(await client.refresh(), 'ok')
  simulator.source.files.set('3.root.json', simulator.initialRoot)
  assert.equal(await client.refresh(), 'RELEASE_METADATA')
  assert.equal((await client.trusted()).root, 2)
})

test('a role that leaves the snapshot is a rollback too', async (t) => {
  const simulator = new Simulator()
  const client = new TestClient(t, simulator)
  simulator.delegate('targets', 'delegated', { paths: ['delegated/*'] })
  simulator.publish('delegated', 'targets', 'snapshot', 'timestamp')
  assert.equal(await client.refresh(), 'ok')
  delete simulator.signed.snapshot.meta['delegated.json']
  simulator.publish('snapshot', 'timestamp')
  assert.equal(await client.refresh(), 'RELEASE_ROLLBACK')
  assert.equal((await client.trusted()).snapshot, 2)
})

test('fast-forward of targets is recovered from by new snapshot keys', async (t) => {
  const simulator = new Simulator()
  const client = new TestClient(t, simulator)
  simulator.delegate('targets', 'delegated', { paths: ['delegated/*'] })
  simulator.publish('delegated')
  simulator.signed.targets.version = 99
  simulator.all()
  assert.equal(await client.refresh(), 'ok')
  assert.equal((await client.trusted()).targets, 100)
  simulator.rotate('snapshot')
  simulator.signed.targets.version = 0
  delete simulator.signed.snapshot.meta['delegated.json']
  simulator.publish('root', 'targets', 'snapshot', 'timestamp')
  assert.equal(await client.refresh(), 'ok')
  assert.equal((await client.trusted()).targets, 1)
})

test('fast-forward of the snapshot is recovered from by new snapshot and timestamp keys', async (t) => {
  const simulator = new Simulator()
  const client = new TestClient(t, simulator)
  simulator.signed.snapshot.version = 99
  simulator.publish('snapshot', 'timestamp')
  assert.equal(await client.refresh(), 'ok')
  simulator.rotate('snapshot')
  simulator.rotate('timestamp')
  simulator.signed.snapshot.version = 0
  simulator.publish('root', 'targets', 'snapshot', 'timestamp')
  assert.equal(await client.refresh(), 'ok')
  assert.equal((await client.trusted()).snapshot, 1)
})

test('fast-forward of the timestamp is recovered from by a new timestamp key', async (t) => {
  const simulator = new Simulator()
  const client = new TestClient(t, simulator)
  simulator.signed.timestamp.version = 99
  simulator.publish('timestamp')
  assert.equal(await client.refresh(), 'ok')
  simulator.rotate('timestamp')
  simulator.signed.timestamp.version = 0
  simulator.publish('root', 'timestamp')
  assert.equal(await client.refresh(), 'ok')
  assert.equal((await client.trusted()).timestamp, 1)
})

test('recovery that stops half way does not hold what comes next to the old versions', async (t) => {
  const simulator = new Simulator()
  const client = new TestClient(t, simulator)
  simulator.signed.timestamp.version = 99
  simulator.publish('timestamp')
  await client.refresh()
  simulator.rotate('timestamp')
  simulator.publish('root')
  simulator.source.files.delete('timestamp.json')
  assert.equal(await client.refresh(), 'RELEASE_MISSING')
  simulator.signed.timestamp.version = 0
  simulator.publish('timestamp')
  assert.equal(await client.refresh(), 'ok')
  const { root, timestamp } = await client.trusted()
  assert.deepEqual({ root, timestamp }, { root: 2, timestamp: 1 })
})

for (const [role, published, trusted] of [
  [
    'root',
    ['root', 'targets', 'snapshot', 'timestamp'],
    { root: 2, timestamp: 1, snapshot: 1, targets: 1 },
  ],
  ['timestamp', ['timestamp'], { root: 1, timestamp: 1, snapshot: 1, targets: 1 }],
  ['snapshot', ['snapshot', 'timestamp'], { root: 1, timestamp: 2, snapshot: 1, targets: 1 }],
  [
    'targets',
    ['targets', 'snapshot', 'timestamp'],
    { root: 1, timestamp: 2, snapshot: 2, targets: 1 },
  ],
] as const) {
  test(`freeze: an expired ${role} is refused, what was valid before it is kept`, async (t) => {
    const simulator = new Simulator()
    const client = new TestClient(t, simulator)
    assert.equal(await client.refresh(), 'ok')
    simulator.signed[role].expires = inDays(-1)
    simulator.publish(...published)
    assert.equal(await client.refresh(), 'RELEASE_EXPIRED')
    assert.deepEqual(await client.trusted(), trusted)
  })
}

test('a root that has expired here is followed to one that has not', async (t) => {
  const simulator = new Simulator()
  const client = new TestClient(t, simulator)
  simulator.signed.root.expires = inDays(7)
  simulator.publish('root')
  assert.equal(await client.refresh(), 'ok')
  simulator.signed.root.expires = inDays(21)
  simulator.publish('root')
  client.clock.now += 18 * DAY_MS
  assert.equal(await client.refresh(), 'ok')
  assert.equal((await client.trusted()).root, 3)
})

test('a timestamp that has expired here still bars older ones, and gives way to newer ones', async (t) => {
  const simulator = new Simulator()
  const client = new TestClient(t, simulator)
  simulator.signed.timestamp.expires = inDays(7)
  simulator.publish('timestamp')
  assert.equal(await client.refresh(), 'ok')
  client.clock.now += 18 * DAY_MS
  assert.equal(await client.refresh(), 'RELEASE_EXPIRED')
  simulator.signed.timestamp.expires = inDays(21)
  simulator.signed.timestamp.version = 1
  simulator.write('timestamp')
  assert.equal(await client.refresh(), 'RELEASE_ROLLBACK')
  simulator.signed.timestamp.version = 2
  simulator.all()
  assert.equal(await client.refresh(), 'ok')
  assert.deepEqual(await client.trusted(), { root: 1, timestamp: 3, snapshot: 2, targets: 2 })
})
