import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { milepost } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { makeDesk, PASSPHRASE, release } from './desk.ts'
import { TestWeb } from './web.ts'

test('the commands, one after the other: from nothing to a vehicle’s plan', async (t) => {
  const dir = tempDir(t)
  const secret = join(dir, 'passphrase')
  writeFileSync(secret, `${PASSPHRASE}\n`)
  const place = ['-r', join(dir, 'repo'), '-k', join(dir, 'keys')]
  const desk = async (...args: string[]) => {
    const { code, stdout, stderr } = await milepost(
      'release',
      ...args,
      ...place,
      '--passphrase-file',
      secret,
    )
    assert.equal(code, 0, `${args.join(' ')}: ${stderr}`)
    return stdout
  }
  assert.match(await desk('init'), /root\.json goes to every vehicle/)
  const bundle = ['bundle', 'models/bundles/simulator', '1']
  assert.match(await desk('add', ...bundle), /drafted bundle simulator 1 {2}/)
  assert.match(
    await desk('publish'),
    /\+ bundle simulator 1 .*\nsigned models 2, snapshot 2, timestamp 2/,
  )
  const started = await desk(
    'rollout',
    'bundle',
    'simulator',
    '1',
    '--stages',
    'canary:0.5,all:100',
  )
  assert.match(started, /1 to 0\.5 %, else none {2}running {2}canary\*:0\.5,all:100/)
  assert.match(await desk('rollout', 'bundle', 'simulator', '--advance'), /to 100 %.* done/)
  assert.match(await desk('key', 'rotate', 'timestamp'), /timestamp-2 signs for timestamp now/)
  const verified = await milepost('release', 'verify', ...place, '--vehicle', 'truck-17')
  assert.equal(verified.code, 0, verified.stderr)
  assert.match(verified.stdout, /truck-17 has bundle simulator 1 \(stage all, place \d+\)\ngood\n$/)
})

test('what goes wrong says what to do next', async (t) => {
  const dir = tempDir(t)
  const place = ['-r', join(dir, 'repo'), '-k', join(dir, 'keys')]
  const nobody = await milepost('release', 'init', ...place)
  assert.equal(nobody.code, 1)
  assert.match(nobody.stderr, /RELEASE_PASSPHRASE: nobody tells the passphrase of root-1\nNext: /)
  const unknown = await milepost('release', 'add', 'firmware', 'x', ...place)
  assert.equal(unknown.code, 2)
  assert.match(unknown.stderr, /Kinds: bundle, campaign, dbc/)
  const text = join(dir, 'no.yaml')
  writeFileSync(text, 'signals: []\n')
  const campaigns = await milepost('release', 'add', 'campaign', text, '1', ...place)
  assert.match(campaigns.stderr, /no\.yaml: .*\nNext: Write them as in a config/)
})

test('verify fails on a broken release, over the web', async (t) => {
  const desk = await makeDesk(t)
  await release(desk, '1', Buffer.from('one'))
  const [file] = readdirSync(join(desk.folder, 'targets/bundle/engine'))
  writeFileSync(join(desk.folder, 'targets/bundle/engine', file), 'two')
  const web = await new TestWeb(desk.folder).start(t)
  const verified = await milepost('release', 'verify', '-r', web.url, '-k', desk.keysDir, '--json')
  assert.equal(verified.code, 1)
  const report = JSON.parse(verified.stdout)
  assert.deepEqual(
    report.problems.map(({ code }: { code: string }) => code),
    ['RELEASE_HASH'],
  )
})

test('tuf-client: init, refresh, download, as the public suite calls it', async (t) => {
  const desk = await makeDesk(t)
  await release(desk, '1', Buffer.from('one'))
  const web = await new TestWeb(desk.folder).start(t)
  const dir = tempDir(t)
  const client = (...args: string[]) =>
    milepost('tuf-client', '--metadata-dir', join(dir, 'md'), ...args)
  assert.equal((await client('init', join(desk.keysDir, 'root.json'))).code, 0)
  assert.deepEqual(web.requests, [])
  const metadata = ['--metadata-url', `${web.url}metadata/`]
  assert.equal((await client(...metadata, 'refresh')).code, 0)
  assert.deepEqual(
    readdirSync(join(dir, 'md')).filter((name) => name.endsWith('.json')),
    ['root.json', 'snapshot.json', 'targets.json', 'timestamp.json'],
  )
  const targets = ['--target-base-url', `${web.url}targets/`, '--target-dir', join(dir, 'targets')]
  const path = 'bundle/engine/1.tar'
  const done = await client(...metadata, ...targets, '--target-name', path, 'download')
  assert.equal(done.code, 0, done.stderr)
  const file = join(dir, 'targets', encodeURIComponent(path))
  assert.equal(readFileSync(file, 'utf8'), 'one')
  const missing = await client(...metadata, ...targets, '--target-name', 'nothing', 'download')
  assert.equal(missing.code, 1)
})
