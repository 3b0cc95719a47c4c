import assert from 'node:assert/strict'
import { existsSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { writeDiverged } from '../../../agent/demo/bad-model.ts'
import { loadBundle } from '../../../models/bundle/load.ts'
import { until } from '../../support/until.ts'
import { FACTORY, Fleet, TestVehicle } from './fleet.ts'

const factory = loadBundle(FACTORY).hash

test('a release is fetched, tried and marked good; a start finds it again; a bad one goes back and is barred', async (t) => {
  const fleet = await Fleet.make(t)
  const good = fleet.variant('good')
  await fleet.release('1', good.dir)
  const vehicle = await new TestVehicle(t, fleet).start()
  await vehicle.step('good', 'bundle/simulator/1.tar')
  assert.equal(vehicle.running.hash, good.hash)
  assert.deepEqual(
    vehicle.status().steps.map(({ phase }) => phase),
    ['download', 'attempt', 'trial', 'good'],
  )
  await vehicle.stop()

  await vehicle.start()
  assert.equal(vehicle.running.hash, good.hash)
  await until('a look that finds nothing new', () => vehicle.status().lastGoodUs !== undefined)
  assert.deepEqual(vehicle.status().steps, [])

  const bad = writeDiverged(join(fleet.dir, 'bad'), loadBundle(good.dir))
  await fleet.release('2', bad.dir)
  await vehicle.look()
  const back = await vehicle.step('back', 'bundle/simulator/2.tar')
  assert.equal(back.code, 'nan')
  assert.equal(vehicle.running.hash, good.hash)
  const before = vehicle.running.inferences
  await until('inferences of what ran before', () => vehicle.running.inferences > before + 5)
  const again = await vehicle.look()
  assert.equal(again.error, undefined)
  assert.equal((await vehicle.step('refused', 'bundle/simulator/2.tar')).code, 'BARRED')
  await vehicle.look()
  const refused = vehicle.status().steps.filter(({ phase }) => phase === 'refused')
  assert.equal(refused.length, 1, 'told once, not at every look')
})

test('a bundle that wants what the vehicle never says lets the one before go on, and bars nothing', async (t) => {
  const fleet = await Fleet.make(t)
  const deaf = fleet.variant('deaf', ({ features: { inputs } }) => {
    inputs[0] = { ...inputs[0], signal: 'Not.Here' }
  })
  await fleet.release('1', deaf.dir)
  const vehicle = await new TestVehicle(t, fleet).start()
  const failed = await vehicle.step('failed', 'bundle/simulator/1.tar')
  assert.equal(failed.code, 'NO_ROWS')
  assert.match(failed.reason ?? '', /^no row in 12 s: Engine\.Rpm was missing in (\d+) of \1$/)
  assert.equal(vehicle.running.hash, factory)
  const before = vehicle.running.inferences
  await until('inferences of what runs', () => vehicle.running.inferences > before + 5)
  const [{ attempt, barred }] = vehicle.status().slots
  assert.deepEqual([attempt, barred], [undefined, []])
  const good = fleet.variant('good')
  await fleet.release('2', good.dir)
  await vehicle.look()
  await vehicle.step('good', 'bundle/simulator/2.tar')
  assert.equal(vehicle.running.hash, good.hash)
})

test('a trial goes on over a clean stop, and a rollout that is taken back ends it', async (t) => {
  const fleet = await Fleet.make(t)
  const [one, two] = [fleet.variant('one'), fleet.variant('two')]
  await fleet.release('1', one.dir)
  const vehicle = await new TestVehicle(t, fleet, {
    updates: { trial: { minRows: 1_000_000 } },
  }).start()
  await vehicle.step('trial')
  await until('some rows of the trial', () => (vehicle.status().slots[0].attempt?.rows ?? 0) > 5)
  await vehicle.stop()
  await vehicle.start()
  await vehicle.step('trial')
  const attempt = vehicle.status().slots[0].attempt
  assert.deepEqual([attempt?.hash, attempt?.crashes], [one.hash, 0])
  assert.ok((attempt?.rows ?? 0) > 5)
  assert.equal(vehicle.running.hash, one.hash)

  await fleet.release('2', two.dir)
  await vehicle.look()
  const back = await vehicle.step('back', 'bundle/simulator/1.tar')
  assert.equal(back.code, 'WITHDRAWN')
  await vehicle.step('trial', 'bundle/simulator/2.tar')
  assert.deepEqual(vehicle.status().slots[0].barred, [])
  await fleet.repository.abort('bundle', 'simulator')
  await vehicle.look()
  assert.equal((await vehicle.step('back', 'bundle/simulator/2.tar')).code, 'WITHDRAWN')
})

test('what is no bundle, or a bundle for nobody here, is refused by name and nothing stops', async (t) => {
  const fleet = await Fleet.make(t)
  await fleet.publish('bundle', 'simulator', '1', Buffer.from('no tar at all'))
  await fleet.publish('bundle', 'other', '1', Buffer.from('whatever'))
  const vehicle = await new TestVehicle(t, fleet).start()
  assert.equal((await vehicle.step('refused', 'bundle/simulator/1.tar')).code, 'BUNDLE_ARCHIVE')
  assert.equal((await vehicle.step('skipped', 'bundle/other/1.tar')).code, 'NO_SLOT')
  assert.equal(vehicle.running.hash, factory)
  const frames = vehicle.frames
  await until('frames go on', () => vehicle.frames > frames)
})

test('campaigns and DBC files are tried at once, applied with the next start, or refused', async (t) => {
  const fleet = await Fleet.make(t)
  const campaign = { campaigns: [{ id: 'speed', signals: ['Chassis.Speed'], sampleEveryMs: 1000 }] }
  await fleet.publish('campaign', 'speeds', '1', Buffer.from(JSON.stringify(campaign)))
  const cel = { campaigns: [{ id: 'odd', signals: ['*'], when: 'no such thing ((' }] }
  await fleet.publish('campaign', 'odd', '1', Buffer.from(JSON.stringify(cel)))
  const dbc = Buffer.from(
    'VERSION ""\nBU_: A\nBO_ 1 Only: 8 A\n SG_ One : 0|8@1+ (1,0) [0|255] "" A\n',
  )
  await fleet.publish('dbc', 'vehicle', '1', dbc)
  await fleet.publish('dbc', 'nobody', '1', dbc)
  const vehicle = await new TestVehicle(t, fleet).start()
  await vehicle.step('stored', 'campaign/speeds/1.yaml')
  assert.match((await vehicle.step('refused', 'campaign/odd/1.yaml')).reason ?? '', /when/)
  assert.match((await vehicle.step('refused', 'dbc/nobody/1.dbc')).reason ?? '', /no bus/)
  await vehicle.step('stored', 'dbc/vehicle/1.dbc')
  await vehicle.stop()
  await vehicle.start()
  const applied = vehicle.status().steps.filter(({ phase }) => phase === 'applied')
  assert.deepEqual(applied.map(({ release }) => release).sort(), [
    'campaign/speeds/1.yaml',
    'dbc/vehicle/1.dbc',
  ])
  await vehicle.stop()

  // What was stored and rots on the disk is left out, and the config's own is there.
  const held =
    vehicle.status === undefined ? [] : readdirSync(join(vehicle.dataDir, 'releases/store'))
  for (const file of held) {
    const path = join(vehicle.dataDir, 'releases/store', file)
    if (existsSync(path)) truncateSync(path, 3)
  }
  await vehicle.start()
  await vehicle.step('refused', 'dbc/vehicle/1.dbc')
  const frames = vehicle.frames
  await until('frames go on', () => vehicle.frames > frames)
})

test('a clock ten years off, both ways: what runs goes on, and the right time mends it', async (t) => {
  const fleet = await Fleet.make(t)
  const one = fleet.variant('one')
  await fleet.release('1', one.dir)
  const tenYearsUs = 10 * 365 * 86_400 * 1e6
  const clock = {
    offUs: tenYearsUs,
    nowUs: () => Date.now() * 1000 + clock.offUs,
    monoUs: () => Math.round(performance.now() * 1000),
  }
  const vehicle = await new TestVehicle(t, fleet, { clock }).start()
  assert.equal((await vehicle.step('check')).code, 'RELEASE_EXPIRED')
  assert.equal(vehicle.running.hash, factory)
  clock.offUs = 0
  assert.equal((await vehicle.look()).error, undefined)
  await vehicle.step('good')
  clock.offUs = -tenYearsUs
  assert.equal(vehicle.running.hash, one.hash)
  await vehicle.look()
  assert.equal(vehicle.running.hash, one.hash)
})

test('a repository on a stick is found when it is plugged in, and a folder may be named by hand', async (t) => {
  const fleet = await Fleet.make(t)
  const one = fleet.variant('one')
  const mounts = join(fleet.dir, 'media')
  const vehicle = await new TestVehicle(t, fleet, {
    updates: { from: undefined, usb: { path: mounts, everySec: 1 } },
  }).start()
  assert.deepEqual(vehicle.status().steps, [])
  await fleet.release('1', one.dir)
  const { cpSync } = await import('node:fs')
  cpSync(fleet.folder, join(mounts, 'stick', 'milepost-releases'), { recursive: true })
  await vehicle.step('good')
  assert.equal(vehicle.running.hash, one.hash)
  const two = fleet.variant('two')
  await fleet.release('2', two.dir)
  await vehicle.look(fleet.folder)
  await vehicle.step('good', 'bundle/simulator/2.tar')
  // The older stick is plugged in again: it must not bring the old release back.
  const old = await vehicle.look(join(mounts, 'stick', 'milepost-releases'))
  assert.equal(old.error?.code, 'RELEASE_ROLLBACK')
  assert.equal(vehicle.running.hash, two.hash)
})

test('cut and spoiled files of the vehicle, one by one: it starts on a verified bundle every time', async (t) => {
  const fleet = await Fleet.make(t)
  const one = fleet.variant('one')
  await fleet.release('1', one.dir)
  const vehicle = await new TestVehicle(t, fleet).start()
  await vehicle.step('good')
  await vehicle.stop()
  const files = readdirSync(vehicle.dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => /\/(models|releases)\//.test(file))
  assert.ok(files.length > 8, files.join(' '))
  for (const [i, file] of files.entries()) {
    if (!existsSync(file)) continue
    if (i % 2 === 0) truncateSync(file, 1)
    else writeFileSync(file, 'spoiled')
    await vehicle.start()
    assert.ok([factory, one.hash].includes(vehicle.running.hash), file)
    await until(`a look after ${file}`, () => vehicle.status().lastLook?.endedUs)
    await until(
      `the release again after ${file}: ${JSON.stringify(vehicle.status().steps)}`,
      () => vehicle.running.hash === one.hash && !vehicle.status().slots[0].attempt,
    )
    await vehicle.stop()
  }
})
