import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ReleaseError } from '../../../../models/release/errors.ts'
import { type Json, makeKey, Simulator, signature, TestClient } from './simulator.ts'

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

for (const [role, told, trusted] of [
  ['snapshot', 'timestamp', { ...ALL, timestamp: 2 }],
  ['targets', 'snapshot', { ...ALL, snapshot: 2, timestamp: 2 }],
] as const) {
  test(`a ${role} that is told of and not there: what told of it is kept`, async (t) => {
    const simulator = new Simulator()
    const client = new TestClient(t, simulator)
    await client.refresh()
    simulator.signed[told].meta[`${role}.json`].version++
    simulator.publish(...(told === 'snapshot' ? ['snapshot', 'timestamp'] : ['timestamp']))
    assert.equal(await client.refresh(), 'RELEASE_MISSING')
    assert.equal(simulator.source.requests.at(-1), `2.${role}.json`)
    assert.deepEqual(await client.trusted(), trusted)
  })
}

test('a timestamp that is not there', async (t) => {
  const simulator = new Simulator()
  const client = new TestClient(t, simulator)
  await client.refresh()
  simulator.source.files.delete('timestamp.json')
  assert.equal(await client.refresh(), 'RELEASE_MISSING')
  assert.deepEqual(await client.trusted(), ALL)
})

test('a snapshot that is signed by the timestamp key and served as a timestamp', async (t) => {
  const simulator = new Simulator()
  const client = new TestClient(t, simulator)
  const [key] = simulator.keys.timestamp
  simulator.addKey('snapshot', key)
  simulator.signed.snapshot.meta = { 'snapshot.json': { version: 1 } }
  simulator.publish('root', 'snapshot')
  simulator.source.files.set('timestamp.json', simulator.source.files.get('2.snapshot.json')!)
  assert.equal(await client.refresh(), 'RELEASE_METADATA')
  assert.deepEqual(await client.trusted(), { root: 2 })
})

test('mix and match: an old snapshot beside a new timestamp, both well signed', async (t) => {
  const simulator = new Simulator()
  const old = simulator.source.files.get('1.snapshot.json')!
  const client = new TestClient(t, simulator)
  await client.refresh()
  simulator.all()
  simulator.source.files.set('2.snapshot.json', old)
  assert.equal(await client.refresh(), 'RELEASE_METADATA')
  assert.deepEqual(await client.trusted(), { ...ALL, timestamp: 2 })
})

test('mix and match: targets of another time than the snapshot', async (t) => {
  const simulator = new Simulator()
  const old = simulator.source.files.get('1.targets.json')!
  const client = new TestClient(t, simulator)
  simulator.all()
  simulator.source.files.set('2.targets.json', old)
  assert.equal(await client.refresh(), 'RELEASE_METADATA')
  assert.deepEqual(await client.trusted(), { root: 1, timestamp: 2, snapshot: 2 })
})

test('endless metadata is left off at its bound, not read into memory', async (t) => {
  for (const [path, bound] of [
    ['2.root.json', 512_000],
    ['timestamp.json', 16_384],
    ['1.snapshot.json', 2_000_000],
    ['1.targets.json', 5 << 20],
  ] as const) {
    const simulator = new Simulator()
    let sent = 0
    let closed = false
    simulator.source.answer = (asked) =>
      asked !== path
        ? undefined
        : {
            from: 0,
            bytes: (async function* () {
              try {
                for (;;) {
                  sent += 4096
                  yield Buffer.alloc(4096, 0x20)
                }
              } finally {
                closed = true
              }
            })(),
          }
    assert.equal(await new TestClient(t, simulator).refresh(), 'RELEASE_TOO_LONG', path)
    assert.ok(sent <= bound + 8192, `${path}: ${sent}`)
    assert.ok(closed, `${path}: left open`)
  }
})

test('a signed length of terabytes does not raise the bound', async (t) => {
  const simulator = new Simulator()
  simulator.signed.timestamp.meta['snapshot.json'].length = 2 ** 42
  simulator.publish('timestamp')
  let sent = 0
  simulator.source.answer = (asked) =>
    asked !== '1.snapshot.json'
      ? undefined
      : {
          from: 0,
          bytes: (async function* () {
            for (;;) {
              sent += 65_536
              yield Buffer.alloc(65_536)
            }
          })(),
        }
  assert.equal(await new TestClient(t, simulator).refresh(), 'RELEASE_TOO_LONG')
  assert.ok(sent <= (5 << 20) + 131_072, String(sent))
})

test('a server that stalls is given up by its lack of progress', async (t) => {
  const simulator = new Simulator()
  simulator.source.answer = (path, { signal }) =>
    path !== 'timestamp.json'
      ? undefined
      : {
          from: 0,
          bytes: (async function* () {
            yield Buffer.from('{')
            await new Promise((_, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason))
            })
          })(),
        }
  const client = new TestClient(t, simulator, { limits: { stallMs: 50 } })
  assert.equal(await client.refresh(), 'RELEASE_STALLED')
})

test('a root that a single one of two keys signed changes nothing', async (t) => {
  const simulator = new Simulator()
  simulator.addKey('root')
  simulator.signed.root.roles.root.threshold = 2
  simulator.publish('root')
  const client = new TestClient(t, simulator)
  assert.equal(await client.refresh(), 'ok')
  // The thief of one root key names a timestamp key of his own.
  simulator.rotate('timestamp')
  const [stolen] = simulator.keys.root
  const signed = { ...structuredClone(simulator.signed.root), version: 3 }
  simulator.put('root', 3, { signatures: [signature(stolen, signed)], signed })
  simulator.publish('timestamp')
  assert.equal(await client.refresh(), 'RELEASE_METADATA')
  assert.deepEqual(await client.trusted(), { ...ALL, root: 2 })
})

test('what a source throws comes through as it is', async (t) => {
  const simulator = new Simulator()
  simulator.source.answer = (path) => {
    if (path.endsWith('targets.json')) throw new ReleaseError('RELEASE_SOURCE', 'no network')
    return undefined
  }
  const client = new TestClient(t, simulator)
  assert.equal(await client.refresh(), 'RELEASE_SOURCE')
  assert.ok(readFileSync(`${client.dir}/floor`).length > 64)
})
