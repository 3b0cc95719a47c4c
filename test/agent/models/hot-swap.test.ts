import assert from 'node:assert/strict'
import { cpSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { LiveModel } from '../../../agent/models/live-model.ts'
import { ModelSlot } from '../../../agent/models/model-slot.ts'
import { type Bundle, loadBundle } from '../../../models/bundle/load.ts'
import type { Inference } from '../../../models/scorer.ts'
import { TRIAL_LIMITS } from '../../../models/trial/limits.ts'
import { Trial } from '../../../models/trial/trial.ts'
import { ReadingBatch, SignalCatalog } from '../../../sensors/reading.ts'
import { CAR_SENSOR, forge } from '../../models/bundles.ts'
import { tempDir } from '../../support/temp-dir.ts'

const START_US = 1_700_000_000_000_000
const clock = {
  nowUs: () => Date.now() * 1000,
  monoUs: () => Math.round(performance.now() * 1000),
}
const machine = { monoUs: clock.monoUs, memoryBytes: () => 0 }

/** The public bundle with rows of one second over two, so that windows reach over a swap. */
function bundleOf(t: TestContext, name: string, change: (manifest: Bundle['manifest']) => void) {
  const dir = join(tempDir(t), name)
  mkdirSync(dirname(dir), { recursive: true })
  cpSync(CAR_SENSOR, dir, { recursive: true })
  forge(dir, (manifest) => {
    Object.assign(manifest.features, { sampleEveryMs: 1000, windowMs: 2000, graceMs: 100 })
    change(manifest)
  })
  return loadBundle(dir)
}

/** Readings of a drive: each input four times a second, one batch for each quarter. */
class Drive {
  readonly catalog = new SignalCatalog()
  readonly #batch = new ReadingBatch()
  readonly #bundle: Bundle
  quarter = 0
  readings = 0

  constructor(bundle: Bundle) {
    this.#bundle = bundle
  }

  next(): ReadingBatch {
    const batch = this.#batch
    batch.count = 0
    const timeUs = START_US + this.quarter++ * 250_000
    const { inputs } = this.#bundle.manifest.features
    const row = this.#bundle.manifest.golden.rows[0]
    for (const [i, { signal, unit }] of inputs.entries()) {
      batch.push(this.catalog.intern(signal, unit).index, row.raw[i], timeUs)
    }
    this.readings += batch.count
    return batch
  }
}

async function slotOn(drive: Drive, first: Bundle) {
  const around = { catalog: drive.catalog, clock }
  const seen: Inference[] = []
  const replaced: Inference[] = []
  const live = await LiveModel.open(first, 'compiled', around)
  const slot = new ModelSlot({ slot: 'car', runtime: 'compiled' }, live, undefined, {
    inference: (_, inference) => seen.push(inference),
    replaced: (_, last) => replaced.push(last),
  })
  const open = (bundle: Bundle) => LiveModel.open(bundle, 'compiled', around, 'models/next')
  return { slot, seen, replaced, open }
}

const tick = () => new Promise((resolve) => setImmediate(resolve))

test('a swap in mid-drive costs no row and makes none twice, window by window', async (t) => {
  const first = bundleOf(t, 'first', () => {})
  const second = bundleOf(t, 'second', (manifest) => {
    manifest.description = 'the same, again'
  })
  for (const at of [37, 38, 39, 40]) {
    const drive = new Drive(first)
    const { slot, seen, open } = await slotOn(drive, first)
    const model = await open(second)
    let swapped: Promise<boolean> | undefined
    for (let i = 0; i < 160; i++) {
      if (i === at) {
        const trial = new Trial(second, model.open, TRIAL_LIMITS, machine)
        swapped = slot.swapIn(model, trial, () => assert.fail('it does not throw'))
      }
      slot.observe(drive.next())
    }
    await swapped
    const times = seen.map(({ timeUs }) => (timeUs - START_US) / 1e6)
    assert.deepEqual(
      times,
      Array.from({ length: 39 }, (_, i) => i + 1),
      `swap asked for at quarter ${at}`,
    )
    const byFirst = seen.filter(({ bundleHash }) => bundleHash === first.hash).length
    const bySecond = seen.filter(({ bundleHash }) => bundleHash === second.hash).length
    assert.ok(
      byFirst >= 9 && bySecond >= 25,
      `${byFirst} rows by the first, ${bySecond} by the second`,
    )
    assert.equal(slot.status().inferences, 39)
    assert.equal(slot.status().trial?.rows, bySecond)
    slot.close()
  }
})

test('an open event of the model that goes is ended, and going back is at once', async (t) => {
  // A threshold that every row is above: the event never ends by itself.
  const first = bundleOf(t, 'first', (manifest) => {
    manifest.threshold.value = 1e-9
    manifest.alarm.minDurationMs = 0
  })
  const second = bundleOf(t, 'second', () => {})
  const drive = new Drive(first)
  const { slot, seen, replaced, open } = await slotOn(drive, first)
  for (let i = 0; i < 40; i++) slot.observe(drive.next())
  assert.equal(seen.filter(({ event }) => event === 'begin').length, 1)
  const model = await open(second)
  const swapped = slot.swapIn(model, new Trial(second, model.open, TRIAL_LIMITS, machine), () => {})
  for (let i = 0; i < 12; i++) slot.observe(drive.next())
  await swapped
  assert.equal(slot.live.bundle.hash, second.hash)
  assert.deepEqual(
    replaced.map(({ bundleHash }) => bundleHash),
    [first.hash],
  )
  slot.goBack()
  assert.equal(slot.live.bundle.hash, first.hash)
  const before = seen.length
  for (let i = 0; i < 12; i++) slot.observe(drive.next())
  assert.ok(seen.length >= before + 2, 'rows go on')
  assert.equal(seen.filter(({ event }) => event === 'begin').length, 2, 'the event is told anew')
  slot.close()
})

test('a model that throws is told of at once, and what ran before takes its rows', async (t) => {
  const first = bundleOf(t, 'first', () => {})
  const second = bundleOf(t, 'second', (manifest) => {
    manifest.description = 'throws'
  })
  const drive = new Drive(first)
  const { slot, seen, open } = await slotOn(drive, first)
  const model = await open(second)
  const trial = new Trial(second, model.open, TRIAL_LIMITS, machine)
  let trouble = 0
  const swapped = slot.swapIn(model, trial, () => {
    trouble++
    const verdict = trial.judge()
    assert.equal(verdict.is === 'bad' && verdict.cause, 'errors')
    slot.goBack()
  })
  for (let i = 0; i < 40; i++) slot.observe(drive.next())
  await swapped
  model.open.network.predict = () => {
    throw new RangeError('a column too many')
  }
  let thrown = 0
  for (let i = 0; i < 40; i++) {
    try {
      slot.observe(drive.next())
    } catch {
      thrown++
    }
    await tick()
  }
  assert.deepEqual([trouble, thrown], [1, 1])
  assert.equal(slot.live.bundle.hash, first.hash)
  assert.equal(seen.at(-1)?.bundleHash, first.hash)
})

test('where no readings come, a bundle takes over after a while', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const first = bundleOf(t, 'first', () => {})
  const second = bundleOf(t, 'second', (manifest) => {
    manifest.description = 'parked'
  })
  const { slot, open } = await slotOn(new Drive(first), first)
  const model = await open(second)
  const swapped = slot.swapIn(model, new Trial(second, model.open, TRIAL_LIMITS, machine), () => {})
  t.mock.timers.tick(model.firstRowLimitMs)
  await swapped
  assert.equal(slot.live.bundle.hash, second.hash)
})

test('a bundle that makes no row of the readings that come is let go, and the one before goes on', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const first = bundleOf(t, 'first', () => {})
  const second = bundleOf(t, 'second', ({ features }) => {
    features.inputs[3] = { ...features.inputs[3], signal: 'Not.Here', missing: { rule: 'skip' } }
  })
  const drive = new Drive(first)
  const { slot, seen, open } = await slotOn(drive, first)
  const model = await open(second)
  const swapped = slot.swapIn(model, new Trial(second, model.open, TRIAL_LIMITS, machine), () => {})
  const refused = assert.rejects(swapped, {
    code: 'NO_ROWS',
    message: `no row in 12 s: ${second.manifest.features.inputs[3].name} was missing in 19 of 19`,
  })
  for (let i = 0; i < 80; i++) slot.observe(drive.next())
  t.mock.timers.tick(model.firstRowLimitMs)
  await refused
  const before = seen.length
  for (let i = 0; i < 40; i++) slot.observe(drive.next())
  assert.equal(slot.live.bundle.hash, first.hash)
  assert.equal(seen.length, before + 10)
  assert.equal(slot.status().trial, undefined)
  slot.close()
})

test('a model is starved once readings came for longer than its first row may take', async (t) => {
  const slow = bundleOf(t, 'slow', ({ features }) => {
    features.inputs[0] = { ...features.inputs[0], signal: 'Not.Here', windowMs: 120_000 }
    features.inputs[0].missing = { rule: 'skip' }
  })
  const drive = new Drive(bundleOf(t, 'drive', () => {}))
  const { slot } = await slotOn(drive, slow)
  assert.equal(slot.live.firstRowLimitMs, 10_000 + 120_000 + 100)
  const hear = (seconds: number): void => {
    for (let i = 0; i < seconds * 4; i++) slot.observe(drive.next())
  }
  hear(60)
  // The clock is set, by a year: that is no year in which readings came.
  drive.quarter += 365 * 86_400 * 4
  hear(69)
  assert.equal(slot.status().starved, undefined)
  hear(10)
  assert.match(slot.status().starved ?? '', /^.+ was missing in \d+ of \d+$/)
  slot.close()
})

test('a model of which no signal comes is starved, too; one that made a row is not', async (t) => {
  const bundle = bundleOf(t, 'bundle', () => {})
  const strange = bundleOf(t, 'strange', ({ features }) => {
    for (const input of features.inputs) input.signal = `Not.Here.${input.name}`
  })
  const drive = new Drive(bundle)
  for (const [of, starved] of [
    [strange, 'none of its signals came'],
    [bundle, undefined],
  ] as const) {
    const { slot } = await slotOn(drive, of)
    for (let i = 0; i < 60; i++) slot.observe(drive.next())
    assert.equal(slot.status().starved, starved)
    slot.close()
  }
})
