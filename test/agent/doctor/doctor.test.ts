import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKS, diagnose } from '../../../agent/doctor/diagnose.ts'
import { type Finding, inOrder } from '../../../agent/doctor/finding.ts'
import { realProbes } from '../../../agent/doctor/probes.ts'
import { sceneOf } from '../../../agent/doctor/scene.ts'
import { milepost } from '../../support/cli.ts'
import { Fleet, TestVehicle } from '../updates/fleet.ts'
import { Setup } from './setups.ts'

test('first of all: a release that nobody has signed', async (t) => {
  const fleet = await Fleet.make(t)
  await fleet.release('1', fleet.variant('good').dir)
  // Somebody who has the server and no key: the list of approved models, without its signatures.
  for (const name of readdirSync(join(fleet.folder, 'metadata'))) {
    if (!/^\d+\.models\.json$/.test(name)) continue
    const path = join(fleet.folder, 'metadata', name)
    const metadata = JSON.parse(readFileSync(path, 'utf8'))
    writeFileSync(path, JSON.stringify({ ...metadata, signatures: [] }))
  }
  const vehicle = await new TestVehicle(t, fleet).start()
  await vehicle.look()
  const file = join(vehicle.dataDir, 'milepost.yaml')
  const probes = { ...realProbes, ...new Setup(t).probes }
  const findings = await diagnose(await sceneOf({ configFile: file }, probes))
  const shown = findings.map(({ code, finding }) => `${code} ${finding}`).slice(0, 4)
  assert.equal(findings[0].cause, 'release', shown.join('\n'))
  assert.equal(findings[0].verdict, 'broken')
  assert.equal(findings[0].code, 'RELEASE_METADATA')
  assert.match(findings[0].finding, /Unable to load targets|models/)
})

test('a vehicle that is well has nothing broken, and every check looked at it', async (t) => {
  const setup = new Setup(t)
  setup.config.models = [{ bundle: setup.copy('models/bundles/simulator', 'bundle') }]
  await setup.start()
  const findings = await setup.diagnose()
  const wrong = findings.filter(({ verdict }) => verdict === 'broken' || verdict === 'trouble')
  assert.deepEqual(wrong, [])
  assert.ok(CHECKS.length >= 14 && findings.length >= 10)
})

test('a cause stands before what follows from it, and worse before less', () => {
  const finding = (cause: Finding['cause'], verdict: Finding['verdict']): Finding => ({
    check: cause,
    verdict,
    code: 'X',
    finding: '',
    cause,
  })
  const order = inOrder([
    finding('uplink', 'broken'),
    finding('agent', 'broken'),
    finding('disk', 'trouble'),
    finding('clock', 'broken'),
    finding('config', 'ok'),
  ]).map(({ check }) => check)
  assert.deepEqual(order, ['clock', 'uplink', 'agent', 'disk', 'config'])
})

test('the command tells the finding, what to do, and by its exit code whether something is broken', async (t) => {
  const setup = new Setup(t).write()
  const [text, json] = await Promise.all([
    milepost('doctor', '-c', setup.file),
    milepost('doctor', '-c', setup.file, '--json'),
  ])
  assert.equal(text.code, 1)
  assert.match(text.stdout, /✗ agent \(AGENT_DOWN\): No agent runs on /)
  assert.ok(text.stdout.includes(`$ milepost run -c ${setup.file}`), text.stdout)
  assert.match(text.stdout, /checks found nothing wrong/)
  assert.equal(JSON.parse(json.stdout)[0].code, 'AGENT_DOWN')
})
