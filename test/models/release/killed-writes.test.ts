import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { initRepository } from '../../../models/release/repository/init.ts'
import { KeyRing } from '../../../models/release/repository/keys.ts'
import { mirrorRepository } from '../../../models/release/repository/mirror.ts'
import { Repository } from '../../../models/release/repository/repository.ts'
import { rotateKey } from '../../../models/release/repository/rotate.ts'
import { FolderStore } from '../../../models/release/repository/store.ts'
import { FolderSource } from '../../../models/release/source/folder.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { makeDesk, makeVehicle, PASSPHRASE, release, type TestDesk } from './desk.ts'
import { DyingStore } from './dying-store.ts'

const code = (error: unknown) => (error as { code?: string }).code
/** Runs `work` on stores that die at the first write, the second, … until one lives through it. */
async function dyingAtEach(
  desk: TestDesk,
  work: (repository: Repository, store: FolderStore) => Promise<unknown>,
  after: (died: boolean, at: number) => Promise<void>,
): Promise<number> {
  for (let at = 0; ; at++) {
    const store = new DyingStore(desk.folder, at)
    const repository = new Repository({ store, keys: await desk.keys() })
    let died = false
    try {
      await work(repository, store)
    } catch (error) {
      if ((error as Error).message !== 'killed') throw error
      died = true
    }
    await after(died, at)
    if (!died) return at
  }
}

test('a publish that is killed at each of its writes never shows half of itself, and is finished by the next', async (t) => {
  const desk = await makeDesk(t)
  await release(desk, '1')
  await desk.repository.add('bundle', 'engine', '2', Buffer.from('2'))
  const { client } = makeVehicle(t, desk)
  const writes = await dyingAtEach(
    desk,
    (repository) => repository.publish(),
    async () => {
      assert.equal((await client.refresh()).releases[0].version, '1')
    },
  )
  assert.ok(writes >= 3, String(writes))
  assert.deepEqual(
    (await desk.repository.releases()).map(({ version }) => version),
    ['1', '2'],
  )
  assert.deepEqual(await desk.repository.draft(), { add: [], withdraw: [] })
})

test('a rollout that is killed at each of its writes', async (t) => {
  const desk = await makeDesk(t)
  await release(desk, '1')
  await desk.repository.add('bundle', 'engine', '2', Buffer.from('2'))
  await desk.repository.publish()
  const { client } = makeVehicle(t, desk)
  await dyingAtEach(
    desk,
    (repository) => repository.start('bundle', 'engine', { version: '2' }),
    async (died) => {
      assert.equal((await client.refresh()).releases[0].version, died ? '1' : '2')
    },
  )
})

for (const role of ['timestamp', 'snapshot', 'targets', 'models', 'rollout'] as const) {
  test(`a new key for ${role}, killed at each write: vehicles old and new go on at every point`, async (t) => {
    const desk = await makeDesk(t)
    await release(desk, '1')
    const { client } = makeVehicle(t, desk)
    await client.refresh()
    let name = ''
    await dyingAtEach(
      desk,
      async (_, store) => {
        name = (await rotateKey({ store, keys: await desk.keys() }, role)).key
      },
      async () => {
        assert.equal((await client.refresh()).releases[0].version, '1')
        const newcomer = makeVehicle(t, desk).client
        assert.equal((await newcomer.refresh()).releases[0].version, '1')
      },
    )
    assert.equal(name, `${role}-2`)
    assert.equal((await client.refresh()).releases[0].version, '1')
  })
}

test('init: never over another, never with a single root key, and finished when it was killed', async (t) => {
  const desk = await makeDesk(t)
  const store = new FolderStore(desk.folder)
  const keys = await desk.keys()
  await assert.rejects(
    initRepository({ store, keys }),
    (error) => code(error) === 'RELEASE_REPOSITORY',
  )
  await assert.rejects(
    initRepository({ store: new FolderStore(tempDir(t)), keys, rootThreshold: 1 }),
    (error) => code(error) === 'RELEASE_INPUT',
  )
  const folder = join(tempDir(t), 'repository')
  const keysDir = join(tempDir(t), 'keys')
  for (let at = 0; ; at++) {
    const ring = await KeyRing.open(keysDir, async () => PASSPHRASE)
    const died = await initRepository({ store: new DyingStore(folder, at), keys: ring }).then(
      () => false,
      (error) => {
        assert.equal(error.message, 'killed')
        return true
      },
    )
    if (!died) break
  }
  const root = readFileSync(join(keysDir, 'root.json'))
  assert.deepEqual((await makeVehicle(t, { folder, root }).client.refresh()).releases, [])
})

test('a stick: written in an order in which it is whole at every point, and read by a vehicle', async (t) => {
  const desk = await makeDesk(t)
  await release(desk, '1')
  const stick = join(tempDir(t), 'stick')
  const source = new FolderSource(desk.folder)
  const mirror = (store: FolderStore, onlyRollout = false) =>
    mirrorRepository({ source, store, trustedRoot: desk.root, workDir: tempDir(t), onlyRollout })
  assert.deepEqual(await mirror(new FolderStore(stick)), { copied: 1, copiedBytes: 1, present: 0 })
  await release(desk, '2')
  await rotateKey(
    { store: new FolderStore(desk.folder), keys: await desk.keys() },
    'root',
    'root-1',
  )
  const { client } = makeVehicle(t, { folder: stick, root: desk.root })
  for (let at = 0; ; at++) {
    const died = await mirror(new DyingStore(stick, at)).then(
      () => false,
      (error) => {
        assert.equal(error.message, 'killed')
        return true
      },
    )
    const [engine] = (await client.refresh()).releases
    assert.equal(engine.version, died ? '1' : '2')
    await client.download(engine)
    if (!died) break
  }
  const small = join(tempDir(t), 'small')
  await desk.repository.start('bundle', 'engine', { version: '2', base: 'none' })
  assert.equal((await mirror(new FolderStore(small), true)).copied, 1)
})
