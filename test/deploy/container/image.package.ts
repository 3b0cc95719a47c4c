// `npm run test:container`: deploy/container/Containerfile built on a clean Debian made here, nothing
// pulled, and run as its own comment says.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { until } from '../../support/until.ts'
import { buildPackage } from '../deb/build-package.ts'
import { DebianRoot } from '../deb/debian-root.ts'
import { Podman } from './podman.ts'

const ROOT = join(import.meta.dirname, '../../..')
const CONTAINERFILE = readFileSync(join(ROOT, 'deploy/container/Containerfile'), 'utf8')
const BASE = 'docker.io/library/debian:bookworm-slim'
const USER = '10001'
const CONFIG = '/etc/milepost/milepost.yaml'

const work = mkdtempSync(join(tmpdir(), 'milepost-container-'))
let podman: Podman
let name = ''

/** A command of the Containerfile's comment, in words, without its first. */
function documented(command: string): string[] {
  const text = CONTAINERFILE.replace(/\\\n#/g, ' ')
  const line = new RegExp(`^# +podman (${command} .*)$`, 'm').exec(text)
  assert.ok(line, `the Containerfile tells no "podman ${command}"`)
  return line[1].split(/\s+/)
}

/** Debian's minimal system as an image of the name that the Containerfile starts from. */
function makeBase(): void {
  const debian = DebianRoot.make(process.arch === 'arm64' ? 'arm64' : 'amd64')
  try {
    const archive = join(work, 'base.tar')
    const apt = ['var/cache/apt', 'var/lib/apt/lists'].map((path) => `--exclude=./${path}/*`)
    const packed = spawnSync('tar', ['-C', debian.path, ...apt, '-cf', archive, '.'])
    assert.equal(packed.status, 0, String(packed.stderr))
    podman.run(['import', '--quiet', archive, BASE])
    rmSync(archive)
  } finally {
    debian.remove()
  }
}

const bytesOf = (image: string): number =>
  Number(podman.run(['image', 'inspect', '--format', '{{.Size}}', image]))

const inside = (...command: string[]): string => podman.run(['exec', 'milepost', ...command])

interface Status {
  readonly vehicle: string
  readonly readings: number
  readonly memoryBytes: number
  readonly models: readonly { readonly runtime: string }[]
  readonly sync?: {
    readonly lanes: { readonly telemetry: { readonly records: number; readonly lastSeq: number } }
    readonly outbox: { readonly epoch: string; readonly deadRecords: number }
  }
}

/** Starts it as documented, without the serial port, which is not here; answers when it keeps records. */
async function start(seq: number): Promise<Status & Required<Pick<Status, 'sync'>>> {
  const args = documented('run')
  const device = args.indexOf('--device')
  args.splice(device, 2)
  podman.run(['run', '--detach', ...args.slice(1)], work)
  return until(`a record after ${seq}`, () => {
    const { code, out } = podman.ask([
      'exec',
      'milepost',
      'milepost',
      'status',
      '--json',
      '-c',
      CONFIG,
    ])
    const now = code === 0 ? (JSON.parse(out) as Status) : undefined
    const { sync } = now ?? {}
    return now && sync && sync.lanes.telemetry.lastSeq > seq && { ...now, sync }
  })
}

before(() => {
  podman = Podman.make()
  makeBase()
  name = buildPackage(work, '0.1.0')
})

after(() => {
  podman?.remove()
  rmSync(work, { recursive: true, force: true })
})

test('it builds: Debian and the package, nothing twice and nothing left over', () => {
  const args = documented('build')
  assert.equal(args.at(-1), 'dist/deb')
  const startMs = performance.now()
  podman.run([...args.slice(0, -1), work], ROOT)
  const seconds = (performance.now() - startMs) / 1000
  const added = bytesOf('milepost') - bytesOf(BASE)
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`
  console.log(
    `# built in ${seconds.toFixed(0)} s: ${mb(bytesOf('milepost'))}, ${mb(added)} on Debian`,
  )
  const control = spawnSync('dpkg-deb', ['-f', join(work, name), 'Installed-Size'])
  const installed = Number(control.stdout) * 1024
  assert.ok(added < installed * 1.1, `${added} for a package of ${installed}`)
  const left = podman.run([
    ...['run', '--rm', '--network', 'host', '--entrypoint', 'sh', 'milepost', '-c'],
    'ls -d /packages /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /tmp/* 2>&1 | grep -v cannot; id',
  ])
  assert.equal(
    left,
    `uid=${USER}(milepost) gid=${USER}(milepost) groups=${USER}(milepost),20(dialout)`,
  )
})

let kept: Awaited<ReturnType<typeof start>>

test('as its own user, without rights, on a read-only root: it reads, scores and keeps', async () => {
  const yaml = readFileSync(join(ROOT, 'deploy/deb/debian/milepost.yaml'), 'utf8')
  const mine = yaml.replace('vehicle: new-gateway', 'vehicle: in-a-container')
  writeFileSync(join(work, 'milepost.yaml'), mine, { mode: 0o644 })
  kept = await start(1)
  assert.equal(kept.vehicle, 'in-a-container')
  assert.equal(kept.models[0].runtime, 'compiled')
  assert.ok(kept.readings > 100)
  const self = inside('cat', '/proc/1/status')
  assert.match(self, new RegExp(`^Uid:\\s${USER}\\s`, 'm'))
  assert.match(self, /^CapBnd:\s0+$/m)
  assert.match(self, /^NoNewPrivs:\s1$/m)
  assert.equal(inside('stat', '-c', '%U:%G %a', '/var/lib/milepost'), 'milepost:milepost 750')
  const write = podman.ask(['exec', 'milepost', 'touch', '/usr/lib/milepost/x'])
  assert.match(write.err, /Read-only file system/)
  console.log(`# resident: ${(kept.memoryBytes / 1e6).toFixed(0)} MB`)
})

test('its health check tells an agent that runs from one that does not', () => {
  const healthy = podman.ask(['healthcheck', 'run', 'milepost'])
  assert.equal(healthy.code, 0, healthy.err)
  const form = ['image', 'inspect', '--format', '{{json .HealthCheck.Test}}', 'milepost']
  const [kind, program, ...args] = JSON.parse(podman.run(form)) as string[]
  assert.equal(kind, 'CMD')
  const none = ['run', '--rm', '--network', 'host', '--entrypoint', program, 'milepost', ...args]
  assert.notEqual(podman.ask(none).code, 0)
})

test('stopped, it ends by itself and cleanly; a new container goes on with its records', async () => {
  podman.run(['stop', 'milepost'])
  const code = podman.run(['inspect', '--format', '{{.State.ExitCode}}', 'milepost'])
  assert.equal(code, '0')
  assert.match(podman.ask(['logs', 'milepost']).err, /milepost has stopped/)
  podman.run(['rm', 'milepost'])
  const { sync } = await start(kept.sync.lanes.telemetry.lastSeq)
  assert.equal(sync.outbox.epoch, kept.sync.outbox.epoch)
  assert.ok(sync.lanes.telemetry.records > kept.sync.lanes.telemetry.records)
  kept = { ...kept, sync }
})

test('killed, the same: the next one has the number of the process that died', async () => {
  podman.run(['kill', '--signal', 'KILL', 'milepost'])
  podman.run(['wait', 'milepost'])
  podman.run(['rm', 'milepost'])
  const { sync } = await start(kept.sync.lanes.telemetry.lastSeq)
  assert.equal(sync.outbox.epoch, kept.sync.outbox.epoch)
  assert.equal(sync.outbox.deadRecords, 0)
  assert.ok(sync.lanes.telemetry.records > kept.sync.lanes.telemetry.records)
  podman.run(['stop', 'milepost'])
})
