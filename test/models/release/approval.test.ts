import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { TargetFile, type Targets } from '@tufjs/models'
import type { RolloutEntry } from '../../../models/release/entry.ts'
import { Desk } from '../../../models/release/repository/desk.ts'
import { copyOf } from '../../../models/release/repository/roles.ts'
import { putEntry, rolloutsIn } from '../../../models/release/repository/rollouts.ts'
import { FolderStore } from '../../../models/release/repository/store.ts'
import { makeDesk, makeVehicle, release, type TestDesk } from './desk.ts'

const code = (error: unknown) => (error as { code?: string }).code

/** Signs whatever one likes with the online keys, as their thief would: our own checks are not asked. */
async function sign(desk: TestDesk, change: (rollout: Targets, entry: RolloutEntry) => void) {
  const thief = new Desk({ store: new FolderStore(desk.folder), keys: await desk.keys() })
  await thief.commit(
    (state) => {
      const rollout = copyOf(state.rollout.signed)
      change(rollout, structuredClone(rolloutsIn(rollout)[0].entry))
      return { rollout }
    },
    { offline: false },
  )
}

async function stolen(t: TestContext) {
  const desk = await makeDesk(t)
  await desk.repository.add('bundle', 'door', '1', Buffer.from('door'))
  await desk.repository.add('bundle', 'engine', '0', Buffer.from('engine 0'))
  await release(desk, '1')
  return { desk, ...makeVehicle(t, desk) }
}

const EVIL = 'e'.repeat(64)

const THEFTS: Readonly<Record<string, (rollout: Targets, entry: RolloutEntry) => void>> = {
  'a model of his own under a new path': (rollout, entry) => {
    const candidate = { path: 'bundle/engine/9.tar', version: '9', length: 4, sha256: EVIL }
    putEntry(rollout, 'bundle', 'engine', { ...entry, candidate })
  },
  'bytes of his own under an approved path': (rollout, entry) => {
    putEntry(rollout, 'bundle', 'engine', {
      ...entry,
      candidate: { ...entry.candidate, sha256: EVIL },
    })
  },
  'another length of an approved path': (rollout, entry) => {
    putEntry(rollout, 'bundle', 'engine', {
      ...entry,
      candidate: { ...entry.candidate, length: 9 },
    })
  },
  'a base of his own': (rollout, entry) => {
    const base = { path: 'bundle/engine/9.tar', version: '9', length: 4, sha256: EVIL }
    putEntry(rollout, 'bundle', 'engine', { ...entry, base })
  },
  'an approved model under the name of another': (rollout, entry) => {
    const path = 'bundle/door/1.tar'
    putEntry(rollout, 'bundle', 'engine', {
      ...entry,
      candidate: { ...entry.candidate, path },
    })
  },
  'another version than its path has': (rollout, entry) => {
    putEntry(rollout, 'bundle', 'engine', {
      ...entry,
      candidate: { ...entry.candidate, version: '2' },
    })
  },
  'a candidate that is not the target': (rollout) => {
    rollout.targets['rollout/bundle/engine'].hashes.sha256 = EVIL
  },
  'a path that climbs out': (rollout, entry) => {
    const path = '../../bundle/engine/1.tar'
    putEntry(rollout, 'bundle', 'engine', { ...entry, candidate: { ...entry.candidate, path } })
  },
  'a release among its own targets': (rollout, entry) => {
    const path = 'bundle/engine/9.tar'
    rollout.addTarget(new TargetFile({ path, length: 4, hashes: { sha256: EVIL } }))
    const candidate = { path, version: '9', length: 4, sha256: EVIL }
    putEntry(rollout, 'bundle', 'engine', { ...entry, candidate })
  },
}

for (const [what, theft] of Object.entries(THEFTS)) {
  test(`a thief of the online keys signs ${what}: refused`, async (t) => {
    const { desk, client } = await stolen(t)
    await sign(desk, theft)
    const plan = await client.refresh()
    assert.deepEqual(plan.releases, [])
    assert.ok(plan.refused.length > 0)
    for (const { error } of plan.refused) {
      assert.ok(['RELEASE_UNAPPROVED', 'RELEASE_METADATA'].includes(error.code), error.code)
      assert.ok(error.code === 'RELEASE_METADATA' || error.hint?.includes('rotate'))
    }
  })
}

test('one bad entry does not hold the others back', async (t) => {
  const { desk, client } = await stolen(t)
  await desk.repository.start('bundle', 'door', { version: '1' })
  await sign(desk, (rollout, entry) => {
    const candidate = { path: 'bundle/engine/9.tar', version: '9', length: 4, sha256: EVIL }
    putEntry(rollout, 'bundle', 'engine', { ...entry, candidate })
  })
  const plan = await client.refresh()
  assert.deepEqual(
    plan.releases.map(({ name }) => name),
    ['door'],
  )
  assert.deepEqual(
    plan.refused.map(({ entry }) => entry),
    ['rollout/bundle/engine'],
  )
})

test('what he can do: pick among approved models', async (t) => {
  const { desk, client } = await stolen(t)
  await desk.repository.start('bundle', 'engine', { version: '0' })
  assert.equal((await client.refresh()).releases[0].version, '0')
})

test('rotating the stolen key ends it', async (t) => {
  const { desk, client } = await stolen(t)
  const { rotateKey } = await import('../../../models/release/repository/rotate.ts')
  await client.refresh()
  const store = new FolderStore(desk.folder)
  const { key } = await rotateKey({ store, keys: await desk.keys() }, 'rollout')
  assert.equal(key, 'rollout-2')
  assert.equal((await client.refresh()).releases[0].version, '1')
  // What the old key signs is nothing now, even under a good snapshot.
  const { signedBytes } = await import('../../../models/release/repository/sign.ts')
  const keys = await desk.keys()
  const old = keys.list().find(({ name }) => name === 'rollout-1')!
  const state = await new Desk({ store, keys }).load()
  const forged = copyOf(state.rollout.signed)
  const bytes = signedBytes(forged, [await keys.signer(old.key.keyID)])
  writeFileSync(join(desk.folder, `metadata/${forged.version}.rollout.json`), bytes)
  const { client: newcomer } = makeVehicle(t, desk)
  await assert.rejects(newcomer.refresh(), (error) => code(error) === 'RELEASE_METADATA')
})
