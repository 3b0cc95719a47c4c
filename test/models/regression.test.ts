import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { loadBundle } from '../../models/bundle/load.ts'
import type { Manifest } from '../../models/bundle/manifest.ts'
import { openNetwork, presentRuntimes } from '../../models/runtime/open.ts'
import { Scorer } from '../../models/scorer.ts'
import { randomOf } from '../../models/training/random.ts'
import { parseRecipe } from '../../models/training/recipe.ts'
import type { TrainingRow } from '../../models/training/rows.ts'
import { trainBundle } from '../../models/training/train.ts'
import { tempDir } from '../support/temp-dir.ts'
import { forge } from './bundles.ts'

const recipe = (estimates: string) => `
name: power
kind: regression
seed: 5
features:
  sampleEveryMs: 1000
  inputs: [{ name: volts }, { name: watts }, { name: amps }, { name: still }]
estimates: [${estimates}]
split: { heldOutShare: 0.5 }
network: { hidden: [12] }
training: { epochs: 30, batchRows: 32, learningRate: 0.02 }
threshold: { alarms: 1, hours: 1 }
alarm: { clearRatio: 0.8, coolDownMs: 1000, minDurationMs: 0 }
`

/** Rows of what follows from the others by a product, and of what never moves. */
async function* loads(rows = 1600): AsyncGenerator<TrainingRow> {
  const random = randomOf(1)
  for (let i = 0; i < rows; i++) {
    const [volts, amps] = [10 + 4 * random(), 1 + 4 * random()]
    const watts = volts * amps + 0.2 * (random() + random() - 1)
    yield {
      vehicle: `v${i % 10}`,
      timeUs: Math.floor(i / 10) * 1e6,
      values: Float64Array.of(volts, watts, amps, 7),
    }
  }
}

const train = (out: string) =>
  trainBundle({
    recipe: parseRecipe(recipe('watts, still')),
    rows: loads(),
    source: () => ({ kind: 'dataset', name: 'made up', licence: 'Apache-2.0', files: [] }),
    out,
    codeVersion: 'test',
  })

describe('regression', () => {
  const root = mkdtempSync(join(tmpdir(), 'milepost-model-'))
  const dir = join(root, 'bundle')
  let bundle: Awaited<ReturnType<typeof train>>
  before(async () => {
    bundle = await train(dir)
  })
  after(() => rmSync(root, { recursive: true }))
  const score = async (volts: number, watts: number, amps: number, still = 7) =>
    new Scorer(bundle, await openNetwork(bundle)).columns(
      Float64Array.of(volts, watts, amps, still),
      1e6,
    )!

  test('what does not follow from the others is unusual, however usual it is by itself', async () => {
    const usual = await score(11, 33, 3)
    assert.ok(!usual.above && usual.score < 1, `${usual.score}`)
    // Each of these was often seen, and 40 W at 10.5 V and 1.5 A never.
    const odd = await score(10.5, 40, 1.5)
    assert.ok(odd.above && odd.score > 20, `${odd.score}`)
    const [watts, still, ...more] = odd.contributors
    assert.deepEqual([watts.signal, still.signal, more.length], ['watts', 'still', 0])
    assert.ok(watts.share > 0.99 && Math.abs(watts.expected - 15.75) < 1.5, `${watts.expected}`)
    assert.ok(watts.usualError > 0 && watts.usualError < 1)
    assert.ok(Math.abs(watts.share + still.share + odd.othersShare - 1) < 1e-9)
  })

  test('the largest of the estimates decides, whichever it is', async () => {
    const moved = await score(11, 33, 3, 8)
    assert.ok(moved.above)
    assert.equal(moved.contributors[0].signal, 'still')
    const [odd, stray, both] = await Promise.all([
      score(10.5, 40, 1.5),
      score(10.5, 15.75, 1.5, 8),
      score(10.5, 40, 1.5, 8),
    ])
    assert.equal(both.score, Math.max(odd.score, stray.score))
  })

  test('the same rows and recipe give the same bundle', async (t) => {
    assert.equal((await train(join(tempDir(t), 'again'))).hash, bundle.hash)
    assert.equal(bundle.manifest.kind, 'regression')
  })

  test('every runtime that is here computes the same', async () => {
    const row = Float64Array.of(12.5, 20, 4.5, 7)
    const wanted = (await score(12.5, 20, 4.5)).score
    let tried = 0
    for (const [name, runtime] of await presentRuntimes()) {
      if (runtime instanceof Error) continue
      const open = await openNetwork(bundle, name)
      const found = new Scorer(bundle, open).columns(row, 1e6)!.score
      assert.ok(Math.abs(found - wanted) < 1e-4 * wanted, `${name}: ${found}, not ${wanted}`)
      open.network.dispose()
      tried++
    }
    assert.ok(tried >= 2)
  })

  test('a value that is no number makes no inference', async () => {
    const judged = new Scorer(bundle, await openNetwork(bundle))
    assert.equal(judged.columns(Float64Array.of(11, Number.NaN, 3, 7), 1e6), undefined)
    assert.equal(judged.features.counts.skipped, 1)
  })

  const forged: [string, string, RegExp, (manifest: Regression) => void][] = [
    [
      'an unknown column',
      'BUNDLE_SHAPE',
      /heat is estimated/,
      (m) => m.output.estimates.splice(0, 1, 'heat'),
    ],
    [
      'a column twice',
      'BUNDLE_SHAPE',
      /estimated twice/,
      (m) => m.output.estimates.splice(1, 1, 'watts'),
    ],
    [
      'too many columns',
      'BUNDLE_SHAPE',
      /network is 2 → 2/,
      (m) => m.output.estimates.push('amps'),
    ],
    ['too few weights', 'BUNDLE_SHAPE', /1 weights for 2/, (m) => m.output.weights.pop()],
    ['too few usual errors', 'BUNDLE_SHAPE', /1 usual errors/, (m) => m.output.usualErrors.pop()],
    ['a weight below nothing', 'BUNDLE_MANIFEST', /weights/, (m) => (m.output.weights[0] = -1)],
    ['no weight at all', 'BUNDLE_MANIFEST', /one weight/, (m) => m.output.weights.fill(0)],
    ['another order', 'BUNDLE_GOLDEN', /its own score/, (m) => m.output.estimates.reverse()],
    ['another weight', 'BUNDLE_GOLDEN', /its own score/, (m) => (m.output.weights[0] *= 2)],
    ['a short golden row', 'BUNDLE_SHAPE', /golden row 0/, (m) => m.golden.rows[0].output.pop()],
  ]
  for (const [what, code, message, change] of forged) {
    test(`a bundle with ${what} is refused`, (t) => {
      const copy = join(tempDir(t), 'bundle')
      cpSync(dir, copy, { recursive: true })
      forge(copy, (manifest) => void change(manifest as Regression))
      assert.throws(() => loadBundle(copy), { code, message })
    })
  }

  test('a recipe that estimates what is not there, twice, or all there is, is refused', () => {
    const refused = (estimates: string, message: RegExp) =>
      assert.throws(() => parseRecipe(recipe(estimates)), { code: 'TRAINING_RECIPE', message })
    refused('heat', /heat is not among the inputs/)
    refused('watts, watts', /named twice/)
    refused('volts, watts, amps, still', /no input is left/)
    refused('', /estimates/)
  })
})

type Regression = Extract<Manifest, { kind: 'regression' }>
