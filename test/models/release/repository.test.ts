import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { checkRepository } from '../../../models/release/repository/check.ts'
import { KeyRing } from '../../../models/release/repository/keys.ts'
import { Repository } from '../../../models/release/repository/repository.ts'
import { renewRoot, rotateKey } from '../../../models/release/repository/rotate.ts'
import { FolderStore } from '../../../models/release/repository/store.ts'
import { FolderSource } from '../../../models/release/source/folder.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { DAY_MS, makeDesk, makeVehicle, release, TestClock, type TestDesk } from './desk.ts'

const code = (error: unknown) => (error as { code?: string }).code

test('a root key is replaced, signed by the old ones and the new ones', async (t) => {
  const desk = await makeDesk(t)
  const { client } = makeVehicle(t, desk)
  await client.refresh()
  const store = new FolderStore(desk.folder)
  const keys = await desk.keys()
  await assert.rejects(
    rotateKey({ store, keys }, 'root'),
    (error) => code(error) === 'RELEASE_INPUT',
  )
  const { key, signed } = await rotateKey({ store, keys }, 'root', 'root-2')
  assert.equal(key, 'root-4')
  assert.deepEqual(signed.at(-1), { role: 'root', version: 2 })
  assert.equal((await client.refresh()).versions.root, 2)
  // The next one is signed without the key that went.
  rmSync(join(desk.keysDir, 'root-2.pem'))
  await renewRoot({ store, keys: await desk.keys() })
  assert.equal((await client.refresh()).versions.root, 3)
  const pinned = JSON.parse(readFileSync(join(desk.keysDir, 'root.json'), 'utf8'))
  assert.equal(pinned.signed.version, 3)
})

test('a single root key signs nothing', async (t) => {
  const desk = await makeDesk(t)
  for (const name of ['root-1', 'root-3']) rmSync(join(desk.keysDir, `${name}.pem`))
  const store = new FolderStore(desk.folder)
  const before = readdirSync(join(desk.folder, 'metadata'))
  await assert.rejects(
    renewRoot({ store, keys: await desk.keys() }),
    (error) => code(error) === 'RELEASE_KEY' && /wants 2 of the keys/.test(String(error)),
  )
  assert.deepEqual(readdirSync(join(desk.folder, 'metadata')), before)
})

test('where only the online keys are, a rollout moves and nothing else', async (t) => {
  const desk = await makeDesk(t)
  await release(desk, '1')
  await desk.repository.add('bundle', 'engine', '2', Buffer.from('2'))
  for (const name of readdirSync(desk.keysDir)) {
    if (/^(root|targets|models)-\d\.pem$/.test(name)) rmSync(join(desk.keysDir, name))
  }
  const repository = new Repository({
    store: new FolderStore(desk.folder),
    keys: await desk.keys(),
  })
  await assert.rejects(repository.publish(), (error) => code(error) === 'RELEASE_KEY')
  await repository.abort('bundle', 'engine', 'too hot')
  assert.equal((await repository.rollouts())[0].entry.state, 'aborted')
  await repository.renew()
  assert.deepEqual((await makeVehicle(t, desk).client.refresh()).releases, [])
})

test('two who publish at once: neither loses what the other signed', async (t) => {
  const desk = await makeDesk(t)
  await release(desk, '1')
  await desk.repository.add('bundle', 'door', '1', Buffer.from('door'))
  await desk.repository.publish()
  const other = new Repository({ store: new FolderStore(desk.folder), keys: await desk.keys() })
  let others = 0
  await desk.repository.updateRollout('bundle', 'engine', (entry) => {
    others++
    return { ...entry, note: 'ours' }
  })
  assert.equal(others, 1)
  // Somebody signs while we think.
  const store = new (class extends FolderStore {
    override async put(path: string, bytes: Uint8Array, options = {}): Promise<boolean> {
      if (path.includes('rollout') && others === 1) {
        others++
        await other.start('bundle', 'door', { version: '1' })
      }
      return super.put(path, bytes, options)
    }
  })(desk.folder)
  const repository = new Repository({ store, keys: await desk.keys() })
  await repository.abort('bundle', 'engine')
  const names = (await desk.repository.rollouts()).map(
    ({ name, entry }) => `${name} ${entry.state}`,
  )
  assert.deepEqual(names.sort(), ['door done', 'engine aborted'])
})

test('what a stranger writes into the bucket is not signed', async (t) => {
  const desk = await makeDesk(t)
  await release(desk, '1')
  const path = join(desk.folder, 'metadata/2.models.json')
  const json = JSON.parse(readFileSync(path, 'utf8'))
  json.signed.targets['bundle/engine/9.tar'] = { length: 1, hashes: { sha256: 'e'.repeat(64) } }
  writeFileSync(path, JSON.stringify(json))
  // The desk remembers what it verified; one that has no memory looks at the bucket.
  rmSync(join(desk.keysDir, 'trust'), { recursive: true })
  await desk.repository.draft()
  await assert.rejects(desk.repository.publish(), (error) =>
    ['RELEASE_METADATA', 'RELEASE_TOO_LONG'].includes(code(error)!),
  )
})

test('a published version never changes', async (t) => {
  const desk = await makeDesk(t)
  await release(desk, '1')
  await desk.repository.add('bundle', 'engine', '1', Buffer.from('1'))
  await assert.rejects(
    desk.repository.add('bundle', 'engine', '1', Buffer.from('other')),
    (error) => code(error) === 'RELEASE_INPUT',
  )
})

test('withdrawn is what nobody rolls out, and then nobody can', async (t) => {
  const desk = await makeDesk(t)
  await release(desk, '1')
  await assert.rejects(
    desk.repository.withdraw('bundle', 'engine', '1'),
    (error) => code(error) === 'RELEASE_INPUT',
  )
  await release(desk, '2')
  await desk.repository.start('bundle', 'engine', { version: '2', base: 'none' })
  await desk.repository.withdraw('bundle', 'engine', '1')
  assert.deepEqual((await desk.repository.publish()).withdrawn, ['bundle/engine/1.tar'])
  await assert.rejects(
    desk.repository.start('bundle', 'engine', { version: '1' }),
    (error) => code(error) === 'RELEASE_INPUT',
  )
})

test('keys: a wrong passphrase, a short one, and never in the clear', async (t) => {
  const desk = await makeDesk(t)
  for (const name of readdirSync(desk.keysDir).filter((file) => file.endsWith('.pem'))) {
    const pem = readFileSync(join(desk.keysDir, name), 'utf8')
    assert.match(pem, /^-----BEGIN ENCRYPTED PRIVATE KEY-----/, name)
  }
  const wrong = await KeyRing.open(desk.keysDir, async () => 'not the passphrase')
  const [first] = wrong.list()
  await assert.rejects(
    wrong.signer(first.key.keyID),
    (error) => code(error) === 'RELEASE_PASSPHRASE',
  )
  const short = await KeyRing.open(tempDir(t), async () => 'short')
  await assert.rejects(short.create('root-1'), (error) => code(error) === 'RELEASE_PASSPHRASE')
})

async function check(t: TestContext, desk: TestDesk, folder = desk.folder, nowMs = Date.now()) {
  const report = await checkRepository({
    source: new FolderSource(folder),
    trustedRoot: desk.root,
    workDir: tempDir(t),
    vehicle: 'truck-17',
    withReleases: true,
    nowMs: () => nowMs,
  })
  return { report, codes: report.problems.map((each) => `${each.severity} ${each.code}`) }
}

test('verify: good, soon stale, stale, and a release that is broken or gone', async (t) => {
  const desk = await makeDesk(t)
  await release(desk, '1')
  const good = await check(t, desk)
  assert.deepEqual(good.codes, [])
  assert.equal(good.report.plan!.releases[0].version, '1')
  const soon = await check(t, desk, desk.folder, Date.now() + 10 * DAY_MS)
  assert.deepEqual(soon.codes, ['warning RELEASE_EXPIRED'])
  const stale = await check(t, desk, desk.folder, Date.now() + 15 * DAY_MS)
  assert.deepEqual(stale.codes, ['error RELEASE_EXPIRED'])
  const [file] = readdirSync(join(desk.folder, 'targets/bundle/engine'))
  writeFileSync(join(desk.folder, 'targets/bundle/engine', file), '2')
  assert.deepEqual((await check(t, desk)).codes, ['error RELEASE_HASH'])
  rmSync(join(desk.folder, 'targets/bundle/engine', file))
  assert.deepEqual((await check(t, desk)).codes, ['error RELEASE_MISSING'])
})

test('the desk signs for those whose clock is right, whatever was signed long ago', async (t) => {
  const desk = await makeDesk(t, { nowMs: Date.UTC(2030, 0, 1) })
  await release(desk, '1')
  desk.now += 100 * DAY_MS
  await desk.repository.renew()
  const clock = new TestClock(desk.now)
  assert.equal((await makeVehicle(t, desk, { clock }).client.refresh()).releases[0].version, '1')
  desk.now += 300 * DAY_MS
  await assert.rejects(desk.repository.renew(), (error) => code(error) === 'RELEASE_EXPIRED')
})
