import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Simulator, TestClient } from './simulator.ts'

interface Edge {
  readonly from: string
  readonly to: string
  readonly paths?: string[]
  readonly terminating?: boolean
}

function edge(from: string, to: string, options: Partial<Edge> = {}): Edge {
  return { from, to, ...options }
}

function delegated(edges: readonly Edge[]): Simulator {
  const simulator = new Simulator()
  for (const { from, to, paths, terminating } of edges) {
    simulator.delegate(from, to, { paths, terminating })
  }
  return simulator
}

function publishAll(simulator: Simulator): void {
  const roles = Object.keys(simulator.signed).filter(
    (role) => !['root', 'timestamp', 'snapshot', 'targets'].includes(role),
  )
  simulator.publish(...roles, 'targets', 'snapshot', 'timestamp')
}

/** Delegations, and the roles that a search for a target that is nowhere goes through, in order. */
const GRAPHS: Readonly<Record<string, { edges: readonly Edge[]; asked: readonly string[] }>> = {
  'one role': { edges: [edge('targets', 'A')], asked: ['A'] },
  'two side by side': { edges: [edge('targets', 'A'), edge('targets', 'B')], asked: ['A', 'B'] },
  'depth before breadth': {
    edges: [edge('targets', 'A'), edge('targets', 'B'), edge('A', 'C'), edge('A', 'D')],
    asked: ['A', 'C', 'D', 'B'],
  },
  'three levels': {
    edges: [edge('targets', 'A'), edge('targets', 'B'), edge('A', 'C'), edge('C', 'D')],
    asked: ['A', 'C', 'D', 'B'],
  },
  'a terminating role ends the search': {
    edges: [
      edge('targets', 'A'),
      edge('targets', 'B'),
      edge('A', 'C', { terminating: true }),
      edge('A', 'D'),
    ],
    asked: ['A', 'C'],
  },
  'a terminating role is asked for its own delegations': {
    edges: [
      edge('targets', 'A'),
      edge('targets', 'B'),
      edge('A', 'C', { terminating: true }),
      edge('C', 'D'),
    ],
    asked: ['A', 'C', 'D'],
  },
  'a role whose patterns do not match is not asked': {
    edges: [edge('targets', 'A', { paths: ['*.py'] }), edge('targets', 'B'), edge('A', 'C')],
    asked: ['B'],
  },
  'a circle is walked once': {
    edges: [
      edge('targets', 'A'),
      edge('targets', 'B'),
      edge('B', 'C'),
      edge('C', 'D'),
      edge('D', 'B'),
    ],
    asked: ['A', 'B', 'C', 'D'],
  },
  'two delegate to a third, by other patterns': {
    edges: [
      edge('targets', 'A'),
      edge('targets', 'B'),
      edge('B', 'C'),
      edge('A', 'C', { paths: ['*.py'] }),
    ],
    asked: ['A', 'B', 'C'],
  },
}

for (const [what, { edges, asked }] of Object.entries(GRAPHS)) {
  test(`delegations: ${what}`, async (t) => {
    const simulator = delegated(edges)
    publishAll(simulator)
    const found = await new TestClient(t, simulator).find('nowhere')
    assert.deepEqual(found, { found: false, asked: asked.map((role) => `1.${role}.json`) })
  })
}

const TREE = [
  edge('targets', 'A', { paths: ['*.doc', '*.md', 'foo-?.tgz'] }),
  edge('targets', 'B', { paths: ['releases/*/*'] }),
  edge('B', 'C', { paths: ['releases/x/*'] }),
  edge('B', 'D', { paths: ['releases/y/*.zip'] }),
]

const FILES: Readonly<Record<string, string>> = {
  plain: 'targets',
  'README.md': 'A',
  'releases/README.md': 'A',
  'foo-1.tgz': 'A',
  'foo-alpha.tgz': 'A',
  'releases/x/x_v1': 'C',
  'releases/y/y_v1.zip': 'D',
  'releases/z/z_v1.zip': 'D',
}

for (const [path, found, asked] of [
  ['plain', true, []],
  ['README.md', true, ['A']],
  ['releases/x/x_v1', true, ['B', 'C']],
  ['releases/y/y_v1.zip', true, ['B', 'D']],
  ['releases/z/z_v1.zip', false, ['B']],
  ['releases/README.md', false, []],
  ['foo-1.tgz', true, ['A']],
  ['foo-alpha.tgz', false, []],
  ['README.MD', false, []],
] as const) {
  test(`path patterns: ${path} is ${found ? 'found' : 'nobody’s'}`, async (t) => {
    const simulator = delegated(TREE)
    for (const [file, role] of Object.entries(FILES)) {
      simulator.addTarget(role, file, Buffer.from(file))
    }
    publishAll(simulator)
    assert.deepEqual(await new TestClient(t, simulator).find(path), {
      found,
      asked: asked.map((role) => `1.${role}.json`),
    })
  })
}

test('a role that the snapshot does not list is not fetched', async (t) => {
  const simulator = delegated([edge('targets', 'A', { paths: ['a/*'] })])
  simulator.publish('A', 'targets')
  delete simulator.signed.snapshot.meta['A.json']
  simulator.publish('snapshot', 'timestamp')
  const client = new TestClient(t, simulator)
  assert.equal(await client.refresh(), 'ok')
  assert.deepEqual(await client.find('a/file'), { found: false, asked: [] })
  assert.equal((await client.trusted()).A, undefined)
})

for (const role of ['?', '#', '/delegated', '../delegated']) {
  test(`a role of the name ${role} is asked for by its quoted name, and stays in its folder`, async (t) => {
    const simulator = delegated([edge('targets', role)])
    publishAll(simulator)
    const client = new TestClient(t, simulator)
    const { asked } = await client.find('nowhere')
    assert.deepEqual(asked, [`1.${encodeURIComponent(role)}.json`])
    assert.equal((await client.trusted())[role], 1)
  })
}

test('a delegated role that another key signed is refused', async (t) => {
  const simulator = delegated([edge('targets', 'A')])
  publishAll(simulator)
  const client = new TestClient(t, simulator)
  await client.find('nowhere')
  simulator.keys.A = [...simulator.keys.targets]
  simulator.addTarget('A', 'file', Buffer.from('evil'))
  publishAll(simulator)
  assert.equal(await client.refresh((walk) => walk.find('file')), 'RELEASE_METADATA')
  assert.equal((await client.trusted()).A, 1)
})

test('a role that one delegation vouches for is not yet one that another vouches for', async (t) => {
  const simulator = delegated([
    edge('targets', 'left', { paths: ['left/*'] }),
    edge('targets', 'right', { paths: ['right/*'] }),
    edge('left', 'shared', { paths: ['left/*'] }),
    edge('right', 'shared', { paths: ['right/*'] }),
  ])
  // Signed by the key that the left one named, not by that of the right one.
  simulator.keys.shared = [simulator.keys.shared[0]]
  simulator.addTarget('shared', 'left/file', Buffer.from('good'))
  simulator.addTarget('shared', 'right/file', Buffer.from('evil'))
  publishAll(simulator)
  const client = new TestClient(t, simulator)
  assert.equal((await client.find('left/file')).found, true)
  assert.equal(await client.refresh((walk) => walk.find('right/file')), 'RELEASE_METADATA')
})
