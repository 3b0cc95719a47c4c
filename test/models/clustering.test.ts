import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { loadBundle } from '../../models/bundle/load.ts'
import { Learned, SAVE_LEARNED_MS } from '../../models/clustering/learned.ts'
import { openNetwork, presentRuntimes } from '../../models/runtime/open.ts'
import { Scorer } from '../../models/scorer.ts'
import { randomOf } from '../../models/training/random.ts'
import { parseRecipe } from '../../models/training/recipe.ts'
import type { TrainingRow } from '../../models/training/rows.ts'
import { trainBundle } from '../../models/training/train.ts'
import { tempDir } from '../support/temp-dir.ts'
import { TYPESCRIPT } from '../support/typescript.ts'
import { until } from '../support/until.ts'
import { forge } from './bundles.ts'

const RECIPE = `
name: places
kind: clustering
seed: 5
features:
  sampleEveryMs: 1000
  inputs: [{ name: a }, { name: b }]
clusters: { count: 3 }
learning: { memoryRows: 50, maxShift: 2 }
split: { heldOutShare: 0.5 }
threshold: { alarms: 1, hours: 1 }
alarm: { clearRatio: 0.8, coolDownMs: 1000, minDurationMs: 0 }
`
const CENTRES = [
  [0, 0],
  [10, 0],
  [0, 10],
]

function around(centre: number[], random: () => number, width = 1): Float64Array {
  return Float64Array.from(centre, (at) => at + width * (random() + random() - 1))
}

async function* places(seed = 1, rows = 1200): AsyncGenerator<TrainingRow> {
  const random = randomOf(seed)
  for (let i = 0; i < rows; i++) {
    const values = around(CENTRES[i % 3], random)
    yield { vehicle: `v${i % 10}`, timeUs: Math.floor(i / 10) * 1e6, values }
  }
}

const train = (out: string) =>
  trainBundle({
    recipe: parseRecipe(RECIPE),
    rows: places(),
    source: () => ({ kind: 'dataset', name: 'made up', licence: 'Apache-2.0', files: [] }),
    out,
    codeVersion: 'test',
  })

describe('clustering', () => {
  let dir: string
  let bundle: Awaited<ReturnType<typeof train>>
  const root = mkdtempSync(join(tmpdir(), 'milepost-model-'))
  before(async () => {
    dir = join(root, 'bundle')
    bundle = await train(dir)
  })
  after(() => rmSync(root, { recursive: true }))
  const scorer = async () => new Scorer(bundle, await openNetwork(bundle))

  test('finds what is usual, and is the same bundle each time', async (t) => {
    assert.equal((await train(join(tempDir(t), 'again'))).hash, bundle.hash)
    assert.equal(bundle.manifest.kind, 'clustering')
    const one = await scorer()
    for (const [i, centre] of CENTRES.entries()) {
      const usual = one.columns(Float64Array.from(centre), i * 1e6)!
      assert.ok(!usual.above && usual.score < 1.5, `${centre}: ${usual.score}`)
    }
    // In the range of each column, and yet nowhere near what was seen.
    const odd = one.columns(Float64Array.of(10, 10), 9e6)!
    assert.ok(odd.above && odd.score > 5)
    const { contributors, othersShare } = odd
    const sum = contributors.reduce((total, { share }) => total + share, othersShare)
    assert.ok(Math.abs(sum - 1) < 1e-9)
    assert.ok(contributors.every(({ usualError }) => usualError > 0))
  })

  test('compiled runs it; every other runtime says that it cannot', async () => {
    assert.equal((await openNetwork(bundle)).runtime, 'compiled')
    for (const [name, runtime] of await presentRuntimes()) {
      if (runtime instanceof Error || name === 'compiled') continue
      await assert.rejects(runtime.load(bundle.model), { code: 'BUNDLE_SHAPE' })
    }
  })

  test('learns slow changes, never faults, and no more than its bounds', async () => {
    const random = randomOf(9)
    const one = await scorer()
    const there = [0.6, 0.6]
    const before = one.columns(Float64Array.from(there), 0)!.score
    for (let i = 1; i <= 400; i++) one.columns(around(there, random, 0.3), i * 1e6)
    const after = one.columns(Float64Array.from(there), 401e6)!.score
    assert.ok(after < before * 0.8, `${before} → ${after}`)
    const { learned } = one.clusters!
    assert.ok(learned > 350)
    for (let i = 402; i < 500; i++) one.columns(Float64Array.of(10, 10), i * 1e6)
    assert.equal(one.clusters!.learned, learned, 'nothing is learned of what is unusual')
    // However long it is led away, it stays within its bound of the trained place.
    const far = await scorer()
    for (let i = 0; i < 20_000; i++) {
      far.columns(Float64Array.of(Math.min(5, i / 2000), 0), i * 1e6)
    }
    assert.ok(far.columns(Float64Array.of(5, 5), 30_000e6)!.above)
  })

  test('the same rows give the same state, to the bit, also across a restart', async (t) => {
    const state = join(tempDir(t), 'learned')
    const random = randomOf(3)
    const rows = Array.from({ length: 300 }, (_, i) => around(CENTRES[i % 3], random))
    const whole = await scorer()
    rows.forEach((row, i) => void whole.columns(row, i * 1e6))
    const first = await scorer()
    const kept = new Learned(first.clusters!, bundle.hash, state, () => 0)
    rows.slice(0, 170).forEach((row, i) => void first.columns(row, i * 1e6))
    kept.close()
    const second = await scorer()
    const next = new Learned(second.clusters!, bundle.hash, state, () => 0)
    assert.equal(next.refused, undefined)
    rows.slice(170).forEach((row, i) => void second.columns(row, (170 + i) * 1e6))
    assert.deepEqual(second.clusters!.save(bundle.hash), whole.clusters!.save(bundle.hash))
  })

  test('it is saved as time goes by, and torn or foreign state is refused and begun anew', async (t) => {
    const state = join(tempDir(t), 'learned')
    let nowUs = 0
    const one = await scorer()
    const kept = new Learned(one.clusters!, bundle.hash, state, () => nowUs)
    one.columns(Float64Array.of(0.1, 0.1), 0)
    kept.tick()
    assert.deepEqual(readdirSync(state), [], 'not yet')
    nowUs = SAVE_LEARNED_MS * 1000
    kept.tick()
    const file = join(state, `${bundle.hash}.learned`)
    await until('the state', () => existsSync(file))
    const good = readFileSync(file)
    const spoils: [(path: string) => void, RegExp][] = [
      [(path) => truncateSync(path, good.length - 9), /hash differs/],
      [(path) => truncateSync(path, 5), /no header/],
      [(path) => writeFileSync(path, ''), /no header/],
      [(path) => writeFileSync(path, Buffer.from(good).fill(7, good.length - 8)), /hash differs/],
    ]
    for (const [spoil, reason] of spoils) {
      writeFileSync(file, good)
      spoil(file)
      const anew = await scorer()
      const refusing = new Learned(anew.clusters!, bundle.hash, state, () => 0)
      assert.match(refusing.refused ?? '', reason)
      assert.equal(anew.clusters!.learned, 0)
      assert.deepEqual(anew.clusters!.save(''), (await scorer()).clusters!.save(''))
    }
    writeFileSync(join(state, `${'0'.repeat(64)}.learned`), good)
    const foreign = new Learned((await scorer()).clusters!, '0'.repeat(64), state, () => 0)
    assert.match(foreign.refused ?? '', /of bundle/)
  })

  test('a process killed while it learns leaves a whole state, from which the next goes on', async (t) => {
    const state = join(tempDir(t), 'learned')
    const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)
    const program = `
      const { loadBundle } = await import(${url('../../models/bundle/load.ts')})
      const { openNetwork } = await import(${url('../../models/runtime/open.ts')})
      const { Scorer } = await import(${url('../../models/scorer.ts')})
      const { Learned } = await import(${url('../../models/clustering/learned.ts')})
      const bundle = loadBundle(${JSON.stringify(dir)})
      const scorer = new Scorer(bundle, await openNetwork(bundle))
      let nowUs = 0
      const kept = new Learned(scorer.clusters, bundle.hash, ${JSON.stringify(state)}, () => (nowUs += 1e9))
      for (let i = 0; ; i++) {
        scorer.columns(Float64Array.of(Math.sin(i) / 3, Math.cos(i) / 3), i * 1e6)
        kept.tick()
        if (i === 500) console.log('learning')
        if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
      }`
    const keptIn = async (folder: string): Promise<number> => {
      const one = await scorer()
      const { refused } = new Learned(one.clusters!, bundle.hash, folder, () => 0)
      assert.equal(refused, undefined)
      return one.clusters!.learned
    }
    let learned = 0
    for (let round = 0; round < 3; round++) {
      const child = spawn(process.execPath, [...TYPESCRIPT, '--input-type=module', '-e', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      await once(child.stdout, 'data')
      // A disk that is slow to sync has not yet kept anything of this round.
      await until('a state of this round', async () => (await keptIn(state)) > learned)
      child.kill('SIGKILL')
      await once(child, 'exit')
      const after = await keptIn(state)
      assert.ok(after > learned, `${after} after ${learned}`)
      learned = after
    }
  })

  test('clusters cut short, without a number or of another width are refused', (t) => {
    const spoiled = (name: string, change: Parameters<typeof forge>[1], content?: Buffer) => {
      const copy = join(tempDir(t), name)
      for (const path of readdirSync(dir)) {
        mkdirSync(copy, { recursive: true })
        writeFileSync(join(copy, path), readFileSync(join(dir, path)))
      }
      forge(copy, change, content ? { 'clusters.bin': () => content } : {})
      return copy
    }
    const whole = readFileSync(join(dir, 'clusters.bin'))
    const none = Buffer.from(whole)
    none.writeDoubleLE(Number.NaN, 8)
    const same = () => {}
    for (const [copy, code] of [
      [spoiled('short', same, whole.subarray(8)), 'BUNDLE_SHAPE'],
      [spoiled('nan', same, none), 'BUNDLE_WEIGHTS'],
      [
        spoiled('wide', (manifest) => {
          if (manifest.kind === 'clustering') manifest.clusters.inputs = 3
        }),
        'BUNDLE_SHAPE',
      ],
    ] as const) {
      assert.throws(() => loadBundle(copy), { code })
    }
  })
})
