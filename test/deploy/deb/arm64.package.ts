// `npm run test:package:arm64`: the package for a Raspberry Pi, run by qemu-user on this machine,
// from the simulated bus to the records in a real Kafka.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { milepostTopics } from '../../../deploy/central/topics.ts'
import { useCentral } from '../../support/central.ts'
import { TYPESCRIPT } from '../../support/typescript.ts'
import { until } from '../../support/until.ts'
import { DebianRoot } from './debian-root.ts'

const ROOT = join(import.meta.dirname, '../../..')
const MAIN = 'usr/lib/milepost/dist/agent/cli/main.js'
const RECORDS = 10

const work = mkdtempSync(join(tmpdir(), 'milepost-arm64-'))
let debian: DebianRoot
let agent: ChildProcess | undefined

before(() => {
  debian = DebianRoot.make('arm64')
  const args = [...TYPESCRIPT, 'deploy/deb/main.ts', '--arch', 'arm64', '--out', work]
  const built = spawnSync(process.execPath, [...args, '--sysroot', debian.path], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  assert.equal(built.status, 0, built.stderr)
  console.log(built.stderr.replace(/^/gm, '# '))
  const name = readdirSync(work).find((file) => file.endsWith('_arm64.deb'))
  assert.ok(name)
  assert.equal(spawnSync('dpkg-deb', ['-x', join(work, name), debian.path]).status, 0)
})

after(() => {
  agent?.kill('SIGKILL')
  debian?.remove()
  rmSync(work, { recursive: true, force: true })
})

/** Runs the package's own Node.js with the package's own command. */
function milepost(...args: string[]): ChildProcess {
  const [program, given] = debian.emulated(
    'usr/lib/milepost/node/bin/node',
    join(debian.path, MAIN),
    ...args,
  )
  return spawn(program, given, { stdio: ['ignore', 'pipe', 'pipe'] })
}

async function output(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = milepost(...args)
  let out = ''
  let err = ''
  child.stdout!.on('data', (chunk) => (out += chunk))
  child.stderr!.on('data', (chunk) => (err += chunk))
  const [code] = await once(child, 'close')
  return { code, out, err }
}

test('every program in it is for arm64', () => {
  const lib = join(debian.path, 'usr/lib/milepost')
  const find = spawnSync('find', [lib, '-name', '*.node', '-o', '-path', '*/node/bin/node'], {
    encoding: 'utf8',
  })
  const files = find.stdout.trim().split('\n')
  assert.ok(files.length >= 4, find.stdout)
  const machines = spawnSync('sh', [
    '-c',
    'for f; do od -An -t u2 -j 18 -N 2 "$f"; done',
    '-',
    ...files,
  ])
  const EM_AARCH64 = '183'
  assert.deepEqual([...new Set(String(machines.stdout).split(/\s+/).filter(Boolean))], [EM_AARCH64])
})

test('simulator, decoding, outbox, compiled bundle, delivery to a real Kafka', async () => {
  const central = await useCentral()
  const prefix = central.unique('arm')
  const topics = milepostTopics('demo')
  await central.createTopics(
    topics.map((topic) => ({ ...topic, topic: `${prefix}.${topic.topic}` })),
  )
  const name = (lane: string): string => `${prefix}.milepost.${lane}`
  const data = join(work, 'data')
  mkdirSync(data)
  const config = join(work, 'milepost.yaml')
  const lib = join(debian.path, 'usr/lib/milepost')
  writeFileSync(
    config,
    JSON.stringify({
      vehicle: prefix,
      dataDir: data,
      sensors: [{ id: 'engine', kind: 'simulator', bus: 'can0' }],
      buses: { can0: { dbc: [join(lib, 'sensors/simulator/vehicle.dbc')] } },
      campaigns: [{ id: 'drive', signals: ['*'], sampleEveryMs: 1000 }],
      models: [{ bundle: join(lib, 'models/bundles/simulator') }],
      uplink: {
        kind: 'kafka',
        brokers: [central.bootstrap],
        topics: {
          critical: name('critical'),
          events: name('events'),
          telemetry: name('telemetry'),
        },
        checkpointTopic: name('checkpoints'),
      },
    }),
  )
  agent = milepost('run', '-c', config)
  agent.stdout!.resume()
  agent.stderr!.on('data', (chunk) => process.stderr.write(`# ${chunk}`))
  const told = await until('records that Kafka has', async () => {
    const { code, out } = await output('status', '--json', '-c', config)
    const status = code === 0 ? JSON.parse(out) : undefined
    return status?.sync?.uplink.sentRecords >= RECORDS && status
  })
  assert.equal(told.models[0].runtime, 'compiled')
  assert.ok(told.readings > 0)
  const gone = once(agent, 'exit')
  agent.kill('SIGTERM')
  assert.deepEqual((await gone)[0], 0)
  agent = undefined

  const audit = await output(
    'audit',
    '--json',
    '--brokers',
    central.bootstrap,
    ...['critical', 'events', 'telemetry'].flatMap((lane) => ['--topic', name(lane)]),
  )
  assert.equal(audit.code, 0, audit.out + audit.err)
})
