import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  applyProposal,
  proposeRoot,
  signProposal,
} from '../../../models/release/repository/ceremony.ts'
import { KeyRing } from '../../../models/release/repository/keys.ts'
import { FolderStore } from '../../../models/release/repository/store.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { makeDesk, makeVehicle, PASSPHRASE, release, type TestDesk } from './desk.ts'

const code = (error: unknown) => (error as { code?: string }).code

/** A machine with the public halves, root.json, and the secret halves of these keys alone. */
async function machine(
  t: TestContext,
  desk: TestDesk,
  secrets: readonly string[],
): Promise<KeyRing> {
  const dir = join(tempDir(t), 'keys')
  mkdirSync(dir)
  for (const name of readdirSync(desk.keysDir)) {
    const isPublic = name.endsWith('.pub') || name === 'root.json'
    if (isPublic || secrets.includes(name.replace('.pem', ''))) {
      copyFileSync(join(desk.keysDir, name), join(dir, name))
    }
  }
  return KeyRing.open(dir, async () => PASSPHRASE)
}

test('two holders who never meet give the timestamp a new key', async (t) => {
  const desk = await makeDesk(t)
  await release(desk, '1')
  const { client } = makeVehicle(t, desk)
  await client.refresh()
  const store = new FolderStore(desk.folder)
  const online = ['timestamp-1', 'snapshot-1', 'rollout-1']
  const desktop = await machine(t, desk, online)
  const first = await proposeRoot({ store, keys: desktop }, 'timestamp')
  assert.deepEqual([first.complete, first.before.have, first.version], [false, 0, 2])
  await assert.rejects(
    applyProposal({ store, keys: desktop }, first.bytes),
    (error) => code(error) === 'RELEASE_KEY',
  )
  const second = await signProposal(await machine(t, desk, ['root-1']), first.bytes)
  assert.deepEqual([second.complete, second.before.have], [false, 1])
  // The same holder twice is one holder.
  const twice = await signProposal(await machine(t, desk, ['root-1']), second.bytes)
  assert.equal(twice.before.have, 1)
  const third = await signProposal(await machine(t, desk, ['root-3']), twice.bytes)
  assert.deepEqual([third.complete, third.before.have, third.own.have], [true, 2, 2])
  const { signed } = await applyProposal({ store, keys: desktop }, third.bytes)
  assert.deepEqual(signed.at(-1), { role: 'root', version: 2 })
  const plan = await client.refresh()
  assert.deepEqual([plan.versions.root, plan.releases[0].version], [2, '1'])
})

test('a proposal that was changed on its way, or follows from another root, is worth nothing', async (t) => {
  const desk = await makeDesk(t)
  const store = new FolderStore(desk.folder)
  const keys = await desk.keys()
  const { bytes, complete } = await proposeRoot({ store, keys })
  assert.equal(complete, true)
  const changed = Buffer.from(
    bytes.toString('utf8').replace(/"expires": "20\d\d/, '"expires": "2099'),
  )
  assert.notDeepEqual(changed, bytes)
  await assert.rejects(
    applyProposal({ store, keys }, changed),
    (error) => code(error) === 'RELEASE_KEY',
  )
  await applyProposal({ store, keys }, bytes)
  await assert.rejects(
    applyProposal({ store, keys }, bytes),
    (error) => code(error) === 'RELEASE_INPUT',
  )
  await assert.rejects(
    signProposal(keys, Buffer.from('{}')),
    (error) => code(error) === 'RELEASE_INPUT',
  )
})

test('targets gets a new key by proposal too', async (t) => {
  const desk = await makeDesk(t)
  await release(desk, '1')
  const store = new FolderStore(desk.folder)
  const keys = await desk.keys()
  const proposal = await proposeRoot({ store, keys }, 'targets')
  const { signed } = await applyProposal({ store, keys }, proposal.bytes)
  assert.deepEqual(
    signed.map(({ role }) => role),
    ['targets', 'snapshot', 'timestamp', 'root'],
  )
  assert.equal((await makeVehicle(t, desk).client.refresh()).releases[0].version, '1')
  await assert.rejects(
    proposeRoot({ store, keys }, 'models'),
    (error) => code(error) === 'RELEASE_INPUT',
  )
})
