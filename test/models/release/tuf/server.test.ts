// What a server leaves out, mixes up, sends without end, or holds back.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ReleaseError } from '../../../../models/release/errors.ts'
import { Simulator, TestClient } from './simulator.ts'

const ALL = { root: 1, timestamp: 1, snapshot: 1, targets: 1 }

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
