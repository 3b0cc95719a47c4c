// `npm run test:package`: the package of this checkout in a clean Debian of this machine's kind.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { until } from '../../support/until.ts'
import { buildPackage } from './build-package.ts'
import { DebianRoot } from './debian-root.ts'

const CONFIG = '/etc/milepost/milepost.yaml'
const ROOT = join(import.meta.dirname, '../../..')

let debian: DebianRoot
let agent: ChildProcess | undefined
const work = mkdtempSync(join(tmpdir(), 'milepost-package-'))

/** The same package under a higher version: what an upgrade brings does not depend on its files. */
function relabel(name: string, version: string): string {
  const open = join(work, 'open')
  const shell = `set -e
    dpkg-deb -R ${join(work, name)} ${open}
    sed -i 's/^Version: .*/Version: ${version}/' ${open}/DEBIAN/control
    dpkg-deb --root-owner-group -Zgzip -z1 -b ${open} ${work}/milepost_${version}.deb`
  const done = spawnSync('sh', ['-c', shell], { encoding: 'utf8' })
  assert.equal(done.status, 0, done.stderr)
  return `milepost_${version}.deb`
}

function install(name: string): string {
  copyFileSync(join(work, name), join(debian.path, 'tmp', name))
  const { code, out } = debian.run('root', 'dpkg', '--force-confold', '-i', `/tmp/${name}`)
  assert.equal(code, 0, out)
  return out
}

interface Status {
  readonly vehicle: string
  readonly readings: number
  readonly memoryBytes: number
  readonly startedUs: number
  readonly models: { readonly runtime: string }[]
  readonly sync?: { readonly lanes: { readonly telemetry: { readonly records: number } } }
}

async function status(): Promise<Status | undefined> {
  const { code, out } = debian.run('milepost', 'milepost', 'status', '--json', '-c', CONFIG)
  return code === 0 ? (JSON.parse(out) as Status) : undefined
}

async function start(): Promise<void> {
  const [program, args] = debian.inside('milepost', 'milepost', 'run', '-c', CONFIG)
  agent = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] })
}

async function stop(): Promise<void> {
  if (!agent) return
  const gone = once(agent, 'exit')
  agent.kill('SIGTERM')
  const [code] = await gone
  agent = undefined
  assert.equal(code, 0)
}

before(() => {
  debian = DebianRoot.make(process.arch === 'arm64' ? 'arm64' : 'amd64')
  debian.mount()
})

after(() => {
  agent?.kill('SIGKILL')
  debian?.remove()
  rmSync(work, { recursive: true, force: true })
})

let first = ''

test('it installs where nothing but Debian is, with a user of its own', () => {
  first = buildPackage(work, '0.1.0')
  install(first)
  assert.equal(debian.run('root', 'id', '-nG', 'milepost').out.trim(), 'milepost dialout')
  assert.equal(debian.owner('etc/milepost'), 'root:milepost 750')
  assert.equal(debian.owner('etc/milepost/milepost.yaml'), 'root:milepost 640')
  assert.equal(debian.owner('var/lib/milepost'), 'milepost:milepost 750')
  assert.equal(debian.owner('usr/lib/milepost/dist/agent/cli/main.js'), 'root:root 755')
  const other = debian.run('nobody', 'cat', CONFIG)
  assert.notEqual(other.code, 0, 'anybody may read the config')
})

test('the agent runs as its own user, reads, scores and keeps', async () => {
  await start()
  const seen = await until('readings that are kept', async () => {
    const now = await status()
    return now && now.readings > 100 && (now.sync?.lanes.telemetry.records ?? 0) > 1 && now
  })
  assert.equal(seen.vehicle, 'new-gateway')
  assert.equal(seen.models[0].runtime, 'compiled')
  console.log(`# resident: ${(seen.memoryBytes / 1e6).toFixed(0)} MB`)
  await stop()
})

test('an upgrade keeps config and data, and says so of nothing else', async () => {
  appendFileSync(join(debian.path, CONFIG), '# changed by its owner\n')
  const kept = debian.run('root', 'ls', '/var/lib/milepost').out
  assert.match(kept, /outbox\.db/)
  install(relabel(first, '0.2.0'))
  assert.match(debian.run('root', 'dpkg', '-s', 'milepost').out, /^Version: 0\.2\.0$/m)
  assert.match(debian.read(CONFIG), /changed by its owner/)
  assert.equal(debian.owner('etc/milepost/milepost.yaml'), 'root:milepost 640')
  assert.equal(debian.run('root', 'ls', '/var/lib/milepost').out, kept)
  await start()
  await until('the agent after the upgrade', async () => ((await status())?.readings ?? 0) > 0)
  await stop()
})

test('removed, its data stays; purged, nothing does', () => {
  const removed = debian.run('root', 'dpkg', '--remove', 'milepost')
  assert.equal(removed.code, 0, removed.out)
  assert.ok(debian.has('var/lib/milepost/outbox.db') && debian.has(CONFIG))
  assert.ok(!debian.has('usr/lib/milepost'))
  const purged = debian.run('root', 'dpkg', '--purge', 'milepost')
  assert.equal(purged.code, 0, purged.out)
  for (const path of ['var/lib/milepost', 'etc/milepost', 'usr/lib/milepost', 'usr/bin/milepost']) {
    assert.ok(!debian.has(path), path)
  }
  assert.doesNotMatch(debian.read('etc/passwd'), /milepost/)
})

test('the unit is hardened: an exposure of 2.0 or less', () => {
  const unit = join(ROOT, 'deploy/systemd/milepost.service')
  const looked = spawnSync(
    'systemd-analyze',
    ['security', '--no-pager', '--offline=true', '--threshold=20', unit],
    { encoding: 'utf8' },
  )
  if (looked.error)
    throw new Error(`systemd-analyze: ${looked.error.message}; apt-get install systemd`)
  assert.equal(looked.status, 0, looked.stdout.split('\n').slice(-3).join('\n'))
  console.log(`# ${looked.stdout.trim().split('\n').at(-1)}`)
})
