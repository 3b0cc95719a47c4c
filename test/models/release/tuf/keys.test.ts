import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  makeKey,
  type Scheme,
  Simulator,
  signature,
  TestClient,
  type TestKey,
} from './simulator.ts'

test('a snapshot with fewer signatures than it takes', async (t) => {
  const simulator = new Simulator()
  const client = new TestClient(t, simulator)
  simulator.addKey('snapshot')
  simulator.addKey('snapshot')
  simulator.signed.root.roles.snapshot.threshold = 3
  simulator.publish('root', 'targets', 'snapshot', 'timestamp')
  assert.equal(await client.refresh(), 'ok')
  simulator.keys.snapshot.pop()
  simulator.all()
  assert.equal(await client.refresh(), 'RELEASE_METADATA')
  assert.equal((await client.trusted()).snapshot, 2)
})

test('a role with fewer keys than its threshold is nobody’s', async (t) => {
  const simulator = new Simulator()
  const client = new TestClient(t, simulator)
  for (let number = 0; number < 4; number++) simulator.addKey('snapshot')
  simulator.signed.root.roles.snapshot.threshold = 6
  simulator.publish('root', 'snapshot', 'timestamp')
  assert.equal(await client.refresh(), 'RELEASE_METADATA')
  assert.deepEqual(await client.trusted(), { root: 2, timestamp: 2 })
})

test('one key named nine times is one key', async (t) => {
  const simulator = new Simulator()
  const client = new TestClient(t, simulator)
  const key = makeKey()
  for (let number = 0; number < 9; number++) simulator.addKey('snapshot', key)
  simulator.keys.snapshot = [key]
  simulator.signed.root.roles.snapshot.threshold = 6
  simulator.publish('root', 'snapshot', 'timestamp')
  assert.equal(await client.refresh(), 'RELEASE_METADATA')
  assert.equal((await client.trusted()).snapshot, undefined)
})

test('one signature written twice', async (t) => {
  const simulator = new Simulator()
  const client = new TestClient(t, simulator)
  const metadata = simulator.write('snapshot')
  metadata.signatures.push(metadata.signatures[0])
  simulator.put('snapshot', 1, metadata)
  assert.equal(await client.refresh(), 'RELEASE_METADATA')
  assert.equal((await client.trusted()).snapshot, undefined)
})

for (const scheme of ['ed25519', 'ecdsa', 'rsa'] as Scheme[]) {
  test(`${scheme}: a right signature counts, a wrong one does not`, async (t) => {
    const simulator = new Simulator()
    const client = new TestClient(t, simulator)
    simulator.addKey('root', makeKey(scheme))
    simulator.signed.root.roles.root.threshold = 2
    simulator.publish('root')
    assert.equal(await client.refresh(), 'ok')
    simulator.signed.root.version++
    const metadata = simulator.write('root')
    const { sig } = metadata.signatures[1]
    metadata.signatures[1].sig = sig.slice(0, -2) + (sig.endsWith('00') ? '01' : '00')
    simulator.put('root', 3, metadata)
    assert.equal(await client.refresh(), 'RELEASE_METADATA')
    assert.equal((await client.trusted()).root, 2)
  })
}

test('a wrong signature beside enough right ones does no harm', async (t) => {
  const simulator = new Simulator()
  const client = new TestClient(t, simulator)
  simulator.addKey('timestamp')
  simulator.publish('root')
  for (const wrong of ['ab'.repeat(64), '']) {
    simulator.signed.timestamp.version++
    const metadata = simulator.write('timestamp')
    metadata.signatures[1].sig = wrong
    simulator.put('timestamp', 0, metadata)
    assert.equal(await client.refresh(), 'ok')
  }
  assert.equal((await client.trusted()).timestamp, 3)
})

/** Versions of a role: its keys, how many it takes, who signs. The last is taken, or not. */
type Step = readonly [keys: readonly number[], threshold: number, signers: readonly number[]]
const FIVE = [0, 1, 2, 3, 4]

const ROOTS: Readonly<Record<string, { steps: readonly Step[]; taken: boolean }>> = {
  'one key follows another': {
    steps: [
      [[1], 1, [1]],
      [[2], 1, [2, 1]],
      [[2], 1, [2]],
    ],
    taken: true,
  },
  'strangers sign as well': {
    steps: [
      [[1], 1, [3, 1, 4]],
      [[2], 1, [3, 2, 1, 4]],
      [[2], 1, [3, 2, 4]],
    ],
    taken: true,
  },
  'any three of five': {
    steps: [
      [FIVE, 3, [0, 2, 4]],
      [FIVE, 3, [0, 4, 1]],
      [FIVE, 3, [0, 1, 3]],
      [FIVE, 3, [0, 1, 3]],
    ],
    taken: true,
  },
  'one of five goes': {
    steps: [
      [FIVE, 3, [0, 2, 4]],
      [[0, 1, 3, 4, 5], 3, [0, 4, 1]],
    ],
    taken: true,
  },
  'all five go at once, old and new sign': {
    steps: [
      [FIVE, 3, [0, 2, 4]],
      [[5, 6, 7, 8, 9], 3, [0, 2, 4, 5, 6, 7]],
      [[5, 6, 7, 8, 9], 3, [5, 6, 7]],
    ],
    taken: true,
  },
  'the threshold rises': {
    steps: [
      [[1, 2, 3], 1, [1]],
      [[1, 2, 3], 2, [1, 2]],
    ],
    taken: true,
  },
  'the threshold falls, signed by the old one': {
    steps: [
      [[1, 2, 3], 2, [1, 2]],
      [[1, 2, 3], 1, [1, 2]],
      [[1, 2, 3], 1, [1]],
    ],
    taken: true,
  },
  'not signed by the old key': {
    steps: [
      [[1], 1, [1]],
      [[2], 1, [2, 3, 4]],
    ],
    taken: false,
  },
  'not signed by the new key': {
    steps: [
      [[1], 1, [1]],
      [[2], 1, [1, 3, 4]],
    ],
    taken: false,
  },
  'three old ones sign, two of them new': {
    steps: [
      [FIVE, 3, [0, 2, 4]],
      [[0, 1, 3, 4, 5], 3, [0, 2, 4]],
    ],
    taken: false,
  },
  'three new ones sign, two of them old': {
    steps: [
      [FIVE, 3, [0, 2, 4]],
      [[0, 1, 3, 4, 5], 3, [0, 4, 5]],
    ],
    taken: false,
  },
  'the threshold rises above who signs': {
    steps: [
      [[1, 2, 3], 1, [1]],
      [[1, 2, 3], 2, [2]],
    ],
    taken: false,
  },
  'the threshold falls, signed by the new one only': {
    steps: [
      [[1, 2, 3], 2, [1, 2]],
      [[1, 2, 3], 1, [1]],
    ],
    taken: false,
  },
}

for (const [what, { steps, taken }] of Object.entries(ROOTS)) {
  test(`root chain: ${what}: ${taken ? 'taken' : 'refused'}`, async (t) => {
    const simulator = new Simulator()
    const keys = Array.from({ length: 10 }, () => makeKey())
    simulator.signed.root.version = 0
    for (const step of steps) {
      setKeys(simulator, 'root', keys, step)
      simulator.publish('root')
    }
    simulator.publish('targets', 'snapshot', 'timestamp')
    const client = new TestClient(t, simulator, {
      root: simulator.source.files.get('1.root.json')!,
    })
    assert.equal(await client.refresh(), taken ? 'ok' : 'RELEASE_METADATA')
    assert.equal((await client.trusted()).root, taken ? steps.length : steps.length - 1)
  })
}

const OTHERS: Readonly<Record<string, { step: Step; taken: boolean }>> = {
  'another key': { step: [[2], 1, [2]], taken: true },
  'strangers sign as well': { step: [[1], 1, [3, 1, 4]], taken: true },
  'strangers alone': { step: [[2], 1, [1, 3, 4]], taken: false },
  'two of three, and a stranger': { step: [[0, 1, 3, 4, 5], 3, [0, 2, 4]], taken: false },
  'two of three': { step: [[0, 1, 3, 4, 5], 3, [0, 4]], taken: false },
  'three of five': { step: [FIVE, 3, [1, 2, 3]], taken: true },
}

for (const role of ['timestamp', 'snapshot', 'targets']) {
  for (const [what, { step, taken }] of Object.entries(OTHERS)) {
    test(`keys of ${role}: ${what}: ${taken ? 'taken' : 'refused'}`, async (t) => {
      const simulator = new Simulator()
      const client = new TestClient(t, simulator)
      const keys = Array.from({ length: 10 }, () => makeKey())
      setKeys(simulator, role, keys, step)
      simulator.publish('root', 'targets', 'snapshot', 'timestamp')
      assert.equal(await client.refresh(), taken ? 'ok' : 'RELEASE_METADATA')
      assert.equal((await client.trusted())[role], taken ? 2 : undefined)
    })
  }
}

function setKeys(
  simulator: Simulator,
  role: string,
  keys: readonly TestKey[],
  [members, threshold, signers]: Step,
): void {
  simulator.signed.root.roles[role] = { keyids: [], threshold }
  for (const member of members) simulator.addKey(role, keys[member])
  simulator.keys[role] = signers.map((signer) => keys[signer])
}

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
  assert.deepEqual(await client.trusted(), { root: 2, timestamp: 1, snapshot: 1, targets: 1 })
})
