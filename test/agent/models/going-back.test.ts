import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { driveReadings } from '../../../agent/drives/drive.ts'
import { LiveModel } from '../../../agent/models/live-model.ts'
import { ModelSlot } from '../../../agent/models/model-slot.ts'
import { type Bundle, loadBundle } from '../../../models/bundle/load.ts'
import type { Inference } from '../../../models/scorer.ts'
import { parseRecipe } from '../../../models/training/recipe.ts'
import { trainBundle } from '../../../models/training/train.ts'
import { TRIAL_LIMITS } from '../../../models/trial/limits.ts'
import { Trial } from '../../../models/trial/trial.ts'
import { SignalCatalog } from '../../../sensors/reading.ts'
import { DRIVE_START_US } from '../../../sensors/simulator/drive.ts'
import { copyOfBundle, forge } from '../../models/bundles.ts'
import { tempDir } from '../../support/temp-dir.ts'

const monoUs = () => Math.round(performance.now() * 1000)
const clock = { nowUs: () => Date.now() * 1000, monoUs }
const SLOW = new URL('../../../models/bundles/simulator-slow', import.meta.url).pathname

/** What a model says, but for the time that it took. */
const said = ({ latencyUs: _, ...rest }: Inference) => rest

/**
 * A drive of a model in a slot, in which another bundle is on trial from one simulated second to another,
 * beside the same model that nobody replaces. Answers what both said once the first ran again.
 */
async function thereAndBack(
  bundle: Bundle,
  successor: Bundle,
  drive: { seconds: number; trialFrom: number; trialTo: number; fault?: { atSec: number } },
) {
  const catalog = new SignalCatalog()
  const open = (one: Bundle) => LiveModel.open(one, 'compiled', { catalog, clock })
  const heard: Inference[] = []
  const alone: Inference[] = []
  const slot = new ModelSlot({ slot: 'one', runtime: 'compiled' }, await open(bundle), undefined, {
    inference: (_, inference) => heard.push(inference),
    replaced: () => {},
  })
  const never = await open(bundle)
  const next = await open(successor)
  const trial = new Trial(successor, next.open, TRIAL_LIMITS, { monoUs, memoryBytes: () => 0 })
  let state: 'before' | 'trial' | 'after' = 'before'
  let backUs = 0
  let told = 0
  const fault = drive.fault && { kind: 'coolant' as const, ...drive.fault }
  const spec = { seed: 641, seconds: drive.seconds, fault, profile: 'highway' as const }
  for (const batch of driveReadings(spec, catalog)) {
    const atSec = (batch.timeUs[0] - DRIVE_START_US) / 1e6
    if (state === 'before' && atSec >= drive.trialFrom) {
      state = 'trial'
      void slot.swapIn(next, trial, () => assert.fail('it does not throw'))
    } else if (state === 'trial' && atSec >= drive.trialTo) {
      state = 'after'
      assert.equal(slot.live.bundle.hash, successor.hash, 'it is on trial')
      told = heard.length
      slot.goBack()
      backUs = alone.at(-1)!.timeUs
    }
    slot.observe(batch)
    never.readings(batch, (inference) => alone.push(inference))
  }
  assert.equal(state, 'after')
  const events = { at: told, begun: slot.status().anomalies }
  slot.close()
  const after = (all: Inference[]) => all.filter(({ timeUs }) => timeUs > backUs).map(said)
  return { heard, events, again: after(heard.slice(told)), never: after(alone) }
}

function otherThan(t: TestContext, dir: string, change: (manifest: Bundle['manifest']) => void) {
  const other = copyOfBundle(t, dir)
  forge(other, change)
  return loadBundle(other)
}

test('windows of minutes go on over a trial: each score after going back is the same to the bit', async (t) => {
  const bundle = loadBundle(SLOW)
  const successor = otherThan(t, SLOW, (manifest) => {
    manifest.description = 'on trial'
  })
  const drive = { seconds: 1180, trialFrom: 300, trialTo: 1060 }
  const { again, never, heard } = await thereAndBack(bundle, successor, drive)
  assert.ok(never.length > 100, `${never.length} rows`)
  assert.deepEqual(again, never)
  const onTrial = heard.filter(({ bundleHash }) => bundleHash === successor.hash)
  assert.ok(onTrial.length > 600, `${onTrial.length} rows of the trial, longer than every window`)
})

test('an event that began while another model was on trial is told when the first runs again', async (t) => {
  const bundle = loadBundle(SLOW)
  // One that never finds anything.
  const successor = otherThan(t, SLOW, (manifest) => {
    manifest.threshold.value = 1e9
  })
  const drive = { seconds: 1260, trialFrom: 400, trialTo: 1200, fault: { atSec: 600 } }
  const { heard, again, never, events } = await thereAndBack(bundle, successor, drive)
  const [first] = heard.slice(events.at)
  assert.equal(first.event, 'begin')
  assert.equal(first.bundleHash, bundle.hash)
  assert.equal(events.begun, 1)
  assert.ok(never.every(({ anomaly }) => anomaly))
  assert.deepEqual(again, never)
})

test('what learns goes on learning over a trial', async (t) => {
  const dir = tempDir(t)
  const recipe = parseRecipe(`
name: clusters
kind: clustering
seed: 1
features:
  sampleEveryMs: 1000
  windowMs: 10000
  inputs:
    - { name: Engine.Rpm, unit: rpm, aggregate: mean }
    - { name: Chassis.Speed, unit: km/h, aggregate: mean }
clusters: { count: 4 }
learning: { memoryRows: 200, maxShift: 2 }
split: { heldOutShare: 0.5 }
threshold: { alarms: 1, hours: 10 }
alarm: { clearRatio: 0.7, coolDownMs: 10000, minDurationMs: 10000 }
`)
  async function* rows() {
    for (let i = 0; i < 800; i++) {
      const values = Float64Array.of(800 + ((i * 37) % 2000), (i * 7) % 130)
      yield { vehicle: `v${i % 8}`, timeUs: Math.floor(i / 8) * 1e6, values }
    }
  }
  const source = () => ({ kind: 'dataset' as const, name: 'made up', licence: '', files: [] })
  const out = join(dir, 'bundle')
  const bundle = await trainBundle({ recipe, rows: rows(), source, out, codeVersion: 'test' })
  const successor = otherThan(t, out, (manifest) => {
    manifest.description = 'on trial'
  })
  const drive = { seconds: 240, trialFrom: 60, trialTo: 180 }
  const { again, never } = await thereAndBack(bundle, successor, drive)
  assert.ok(never.length > 50, `${never.length} rows`)
  assert.deepEqual(again, never)
})
