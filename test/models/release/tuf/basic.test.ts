import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Json, makeKey, Simulator, TestClient } from './simulator.ts'

const ALL = { root: 1, timestamp: 1, snapshot: 1, targets: 1 }
const TOP = ['root', 'targets', 'snapshot', 'timestamp']

test('a refresh asks for the next root, timestamp, snapshot, targets, and nothing else', async (t) => {
  const simulator = new Simulator()
  const client = new TestClient(t, simulator)
  assert.equal(await client.refresh(), 'ok')
  assert.deepEqual(simulator.source.requests, [
    '2.root.json',
    'timestamp.json',
    '1.snapshot.json',
    '1.targets.json',
  ])
  assert.deepEqual(await client.trusted(), ALL)
})

test('what was fetched once and has not changed is not fetched again', async (t) => {
  const simulator = new Simulator()
  const client = new TestClient(t, simulator)
  await client.refresh()
  simulator.source.requests.length = 0
  assert.equal(await client.refresh(), 'ok')
  assert.deepEqual(simulator.source.requests, ['2.root.json', 'timestamp.json'])
})

test('metadata is kept in the very bytes that came', async (t) => {
  const simulator = new Simulator()
  const odd = Buffer.concat([simulator.source.files.get('timestamp.json')!, Buffer.from(' \n')])
  simulator.source.files.set('timestamp.json', odd)
  const client = new TestClient(t, simulator)
  assert.equal(await client.refresh(), 'ok')
  assert.deepEqual((await client.trust().files()).get('timestamp.json'), odd)
})

for (const [what, spoil] of Object.entries({
  'lacks its version': (root: Json) => delete root.signed.version,
  'is signed by nobody': (root: Json) => {
    root.signatures[0].sig = '00'.repeat(64)
  },
  'is no JSON': () => undefined,
})) {
  test(`an initial root that ${what} is refused before anybody is asked`, async (t) => {
    const simulator = new Simulator()
    const json = JSON.parse(simulator.initialRoot.toString('utf8'))
    const root = spoil(json) === undefined && what === 'is no JSON' ? '{' : JSON.stringify(json)
    const client = new TestClient(t, simulator, { root: Buffer.from(root) })
    assert.equal(await client.refresh(), 'RELEASE_ROOT')
    assert.deepEqual(simulator.source.requests, [])
  })
}

for (const [role, trusted] of [
  ['root', { root: 1 }],
  ['timestamp', { root: 2 }],
  ['snapshot', { root: 2, timestamp: 2 }],
  ['targets', { root: 2, timestamp: 2, snapshot: 2 }],
] as const) {
  test(`an unsigned ${role} is refused, what came before it is kept`, async (t) => {
    const simulator = new Simulator()
    simulator.keys[role].pop()
    simulator.publish(...TOP)
    const client = new TestClient(t, simulator)
    assert.equal(await client.refresh(), 'RELEASE_METADATA')
    assert.deepEqual(await client.trusted(), trusted)
  })
}

for (const [role, trusted] of [
  ['root', { root: 1 }],
  ['snapshot', { root: 2, timestamp: 2 }],
  ['targets', { root: 2, timestamp: 2, snapshot: 2 }],
] as const) {
  test(`a ${role} of another version than its file says is refused`, async (t) => {
    const simulator = new Simulator()
    for (const each of TOP) {
      simulator.signed[each].version = each === role ? 3 : 2
      simulator.write(each, 2)
      if (each === role && role !== 'root') {
        const meta = simulator.signed[role === 'snapshot' ? 'timestamp' : 'snapshot'].meta
        meta[`${role}.json`].version = 2
      }
    }
    const client = new TestClient(t, simulator)
    assert.equal(await client.refresh(), 'RELEASE_METADATA')
    assert.deepEqual(await client.trusted(), trusted)
  })
}

test('a timestamp that changed without a new version is not taken', async (t) => {
  const simulator = new Simulator()
  const client = new TestClient(t, simulator)
  await client.refresh()
  simulator.signed.timestamp.meta['snapshot.json'].version = 100
  simulator.write('timestamp')
  assert.equal(await client.refresh(), 'ok')
  assert.equal(simulator.source.requests.at(-1), 'timestamp.json')
  const kept = JSON.parse(String((await client.trust().files()).get('timestamp.json')))
  assert.equal(kept.signed.meta['snapshot.json'].version, 1)
})

test('hashes of metadata are checked: right ones pass', async (t) => {
  const simulator = new Simulator()
  simulator.withHashes = true
  simulator.all()
  assert.equal(await new TestClient(t, simulator).refresh(), 'ok')
})

for (const field of ['hashes', 'length'] as const) {
  for (const [role, teller, trusted] of [
    ['targets', 'snapshot', { ...ALL, snapshot: 2, timestamp: 2 }],
    ['snapshot', 'timestamp', { ...ALL, timestamp: 2 }],
  ] as const) {
    test(`${role} with other ${field} than ${teller} tells is refused`, async (t) => {
      const simulator = new Simulator()
      const client = new TestClient(t, simulator)
      await client.refresh()
      simulator.withHashes = true
      for (const each of ['targets', 'snapshot', 'timestamp']) {
        if (each === teller) {
          const meta = simulator.signed[teller].meta[`${role}.json`]
          meta[field] = field === 'length' ? meta.length + 1 : { sha256: '0'.repeat(64) }
        }
        simulator.publish(each)
      }
      assert.equal(await client.refresh(), 'RELEASE_METADATA')
      assert.deepEqual(await client.trusted(), trusted)
    })
  }
}

test('fields that nobody knows are part of what is signed', async (t) => {
  const simulator = new Simulator()
  const client = new TestClient(t, simulator)
  simulator.addKey('root', makeKey('ed25519', { 'extra-field': { a: 1, b: 2 } }))
  simulator.signed.root.custom = 'value'
  simulator.signed.root.roles.root.another = 'value'
  simulator.publish('root')
  assert.equal(await client.refresh(), 'ok')
  assert.equal((await client.trusted()).root, 2)
})

test('keyid_hash_algorithms, a field of old, changes nothing', async (t) => {
  const simulator = new Simulator()
  const client = new TestClient(t, simulator)
  await client.refresh()
  simulator.signed.root.roles.snapshot.keyids = []
  simulator.keys.snapshot = []
  simulator.addKey('snapshot', makeKey('ed25519', { keyid_hash_algorithms: 'md5' }))
  simulator.publish('root', 'snapshot', 'timestamp')
  assert.equal(await client.refresh(), 'ok')
  assert.equal((await client.trusted()).snapshot, 2)
})
