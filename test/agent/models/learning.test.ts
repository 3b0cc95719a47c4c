import assert from 'node:assert/strict'
import { cpSync, existsSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { driveReadings } from '../../../agent/drives/drive.ts'
import { type Bundle, loadBundle } from '../../../models/bundle/load.ts'
import { FeatureBuilder } from '../../../models/features/builder.ts'
import { parseRecipe } from '../../../models/training/recipe.ts'
import type { TrainingRow } from '../../../models/training/rows.ts'
import { trainBundle } from '../../../models/training/train.ts'
import { SignalCatalog } from '../../../sensors/reading.ts'
import { forge } from '../../models/bundles.ts'
import { until } from '../../support/until.ts'
import { Fleet, TestVehicle } from '../updates/fleet.ts'

const recipe = parseRecipe(`
name: places
kind: clustering
seed: 5
features:
  sampleEveryMs: 100
  missing: { rule: hold, maxAgeMs: 60000 }
  inputs: [{ name: Engine.Rpm, unit: rpm }, { name: Chassis.Speed, unit: km/h }]
clusters: { count: 3 }
split: { heldOutShare: 0.5 }
threshold: { alarms: 1, hours: 1 }
alarm: { clearRatio: 0.8, coolDownMs: 1000, minDurationMs: 0 }
`)

async function* rows(): AsyncGenerator<TrainingRow> {
  for (const seed of [21, 22, 23, 24]) {
    const catalog = new SignalCatalog()
    const builder = new FeatureBuilder(recipe.features, catalog)
    const ready: TrainingRow[] = []
    for (const batch of driveReadings({ seed, seconds: 120, speed: 20 }, catalog)) {
      builder.push(batch, ({ timeUs, raw }) =>
        ready.push({ vehicle: `v${seed}`, timeUs, values: raw.slice() }),
      )
      yield* ready.splice(0)
    }
  }
}

/** A vehicle that goes on learning, and a release that would take the place of its bundle. */
async function learner(t: TestContext) {
  const fleet = await Fleet.make(t)
  const dir = join(fleet.dir, 'learning')
  const source = () => ({ kind: 'dataset' as const, name: 'x', licence: 'x', files: [] })
  const bundle = await trainBundle({ recipe, rows: rows(), source, out: dir, codeVersion: 'test' })
  const vehicle = new TestVehicle(t, fleet, {
    more: { models: [{ bundle: dir, slot: 'simulator' }] },
    updates: { trial: { minRows: 1_000_000, minSec: 0, maxSlowShare: 1 } },
  })
  const file = (of: Bundle | { hash: string }) =>
    join(vehicle.dataDir, 'learned', `${of.hash}.learned`)
  const learned = () => vehicle.running?.learned?.rows ?? 0
  const learns = (rows: number) => until(`${rows} rows learned`, () => learned() >= rows)
  return { fleet, dir, bundle, vehicle, file, learned, learns }
}

test('what a model has learned on the vehicle outlives a stop; a torn state is told and begun anew', async (t) => {
  const { bundle, vehicle, file, learned, learns } = await learner(t)
  await vehicle.start()
  await learns(20)
  const before = learned()
  await vehicle.stop()
  assert.ok(existsSync(file(bundle)), 'a clean stop keeps all of it')
  await vehicle.start()
  assert.ok(learned() >= before, `${learned()} rows after the start, ${before} before the stop`)
  assert.equal(vehicle.running.learned?.refused, undefined)
  await vehicle.stop()
  truncateSync(file(bundle), 100)
  await vehicle.start()
  assert.match(vehicle.running.learned?.refused ?? '', /hash differs|no header|cut/)
  await learns(5)
})

test('another bundle learns for itself, and when it is taken back what was learned before is there', async (t) => {
  const { fleet, dir, bundle, vehicle, file, learned, learns } = await learner(t)
  await vehicle.start()
  await learns(20)
  const before = learned()
  const second = join(fleet.dir, 'second')
  cpSync(dir, second, { recursive: true })
  forge(second, (manifest) => {
    manifest.description = 'the second'
  })
  const { hash } = loadBundle(second)
  await fleet.release('1', second)
  await vehicle.look()
  await vehicle.step('trial', 'bundle/simulator/1.tar')
  assert.equal(vehicle.running.hash, hash)
  await until('the second to learn', () => vehicle.running.hash === hash && learned() > 0)

  await fleet.repository.abort('bundle', 'simulator')
  await vehicle.look()
  await vehicle.step('back', 'bundle/simulator/1.tar')
  assert.equal(vehicle.running.hash, bundle.hash)
  assert.ok(learned() >= before, `${learned()} rows after it came back, ${before} before`)
  await learns(before + 5)
  await vehicle.stop()
  assert.ok(existsSync(file({ hash })), 'the second has its own')
  assert.ok(existsSync(file(bundle)))
})
