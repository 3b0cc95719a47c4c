import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { makeFolder } from '../../models/durable.ts'
import { ROOT } from '../support/cli.ts'
import { tempDir } from '../support/temp-dir.ts'
import { TYPESCRIPT } from '../support/typescript.ts'

const urlOf = (path: string): string => JSON.stringify(pathToFileURL(join(ROOT, 'models', path)))

test('A folder is made with its parents, through links too, and may be there already', (t) => {
  const root = tempDir(t)
  makeFolder(join(root, 'a', 'b'), 0o750)
  makeFolder(join(root, 'a', 'b'))
  for (const path of ['a', 'a/b']) assert.equal(statSync(join(root, path)).mode & 0o027, 0)
  symlinkSync(join(root, 'a'), join(root, 'link'))
  makeFolder(join(root, 'link', 'c'))
  assert.ok(statSync(join(root, 'a', 'c')).isDirectory())
  writeFileSync(join(root, 'file'), '')
  assert.throws(() => makeFolder(join(root, 'file')), { code: 'EEXIST' })
  assert.throws(() => makeFolder(join(root, 'file', 'c')), { code: /^E(NOTDIR|EXIST)$/ })
})

test('Folders of bundles, keys and repositories are not tried for ever where none can be made', () => {
  const script = `
    import { makeFolder } from ${urlOf('durable.ts')}
    import { placeBundle } from ${urlOf('bundle/place.ts')}
    import { KeyRing } from ${urlOf('release/repository/keys.ts')}
    import { openStore } from ${urlOf('release/repository/store.ts')}
    const place = '/proc/milepost/folder/of/it'
    const tries = {
      folder: () => makeFolder(place),
      bundle: () => placeBundle(place, new Map()),
      keys: async () => (await KeyRing.open(place, async () => 'a long passphrase')).create('root-1'),
      repository: async () => (await openStore(place)).put('metadata/1.root.json', new Uint8Array(1)),
    }
    for (const [name, attempt] of Object.entries(tries)) {
      await Promise.resolve().then(attempt).catch((error) => console.log(name, error.code))
    }`
  const ended = spawnSync(process.execPath, [...TYPESCRIPT, '--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 120_000,
    killSignal: 'SIGKILL',
  })
  assert.deepEqual(
    ended.stdout.trim().split('\n'),
    ['folder ENOENT', 'bundle ENOENT', 'keys RELEASE_DISK', 'repository RELEASE_DISK'],
    ended.stderr || `ended by ${ended.signal}`,
  )
})
