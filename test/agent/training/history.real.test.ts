import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { driveReadings } from '../../../agent/drives/drive.ts'
import { historyDataset } from '../../../agent/training/dataset.ts'
import { HistoryRows, type RowStep } from '../../../agent/training/rows.ts'
import { loadBundle } from '../../../models/bundle/load.ts'
import { FeatureBuilder } from '../../../models/features/builder.ts'
import type { Tensor1D } from '../../../models/runtime/dataset.ts'
import { loadTensorFlow } from '../../../models/runtime/tfjs.ts'
import { parseRecipe } from '../../../models/training/recipe.ts'
import { trainBundle } from '../../../models/training/train.ts'
import { SignalCatalog } from '../../../sensors/reading.ts'
import { messageOf } from '../../../sync/kafka/message.ts'
import { useCentral } from '../../support/central.ts'
import { milepost } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { produce, Records } from '../../sync/kafka/support.ts'
import { collectDrive, RECIPE, sendFleet, stored } from './fleet.ts'

const central = await useCentral()
const brokers = [central.bootstrap]
const recipe = parseRecipe(RECIPE)
const WINDOWS = {
  sampleEveryMs: undefined,
  window: { everyMs: 1000, of: ['min', 'max', 'mean', 'last'] },
}

/** All rows of a topic, by vehicle. */
async function rowsOf(topic: string, features = recipe.features) {
  const history = new HistoryRows({ brokers, topic }, features)
  const rows = new Map<string, number[][]>()
  for await (const { rows: chunk } of history.steps() as AsyncIterable<RowStep>) {
    for (let i = 0; i < chunk.count; i++) {
      const row = [...chunk.raw.subarray(i * chunk.width, (i + 1) * chunk.width)]
      const known = rows.get(chunk.vehicle[i])
      if (known) known.push(row)
      else rows.set(chunk.vehicle[i], [row])
    }
  }
  return { rows, history }
}

describe('history becomes rows', () => {
  test('windows in the log give the rows that the vehicle made of the readings itself', async () => {
    const [one] = recipe.features.inputs
    const features = {
      ...recipe.features,
      inputs: (['min', 'max', 'mean', 'last'] as const).map((aggregate) => ({
        ...one,
        name: aggregate,
        aggregate,
      })),
    }
    const catalog = new SignalCatalog()
    const builder = new FeatureBuilder(features, catalog)
    const live: number[][] = []
    for (const batch of driveReadings({ seed: 71, seconds: 60 }, catalog)) {
      builder.push(batch, ({ raw }) => void live.push([...raw]))
    }
    const truck = central.unique('truck')
    const topic = await sendFleet(
      central,
      new Map([[truck, stored(collectDrive(71, 60, WINDOWS as never))]]),
    )
    const { rows } = await rowsOf(topic, features)
    const found = rows.get(truck)!
    assert.ok(found.length > 50)
    for (const [i, row] of found.entries()) {
      for (const [k, value] of row.entries()) {
        assert.ok(Math.abs(value - live[i][k]) <= 1e-9 * Math.abs(live[i][k]), `row ${i}`)
      }
    }
  })

  test('records out of order come back into it; repeated ones count once', async () => {
    const truck = central.unique('truck')
    const records = stored(collectDrive(72, 80))
    const shuffled = records.map((_, i) => records[Math.min(records.length - 1, i ^ 5)])
    const twice = [...new Set([...shuffled, ...records])]
    const topic = await sendFleet(central, new Map([[truck, records]]))
    const mixed = await sendRaw(truck, [...twice, ...records.slice(10, 15)])
    const wanted = (await rowsOf(topic)).rows.get(truck)
    const { rows, history } = await rowsOf(mixed)
    assert.deepEqual(rows.get(truck), wanted)
    assert.equal(history.log.counts.late, 5)
    assert.equal(history.log.counts.gaps, 0)
  })

  /** Records in the order in which they are given, as no agent would send them. */
  async function sendRaw(vehicle: string, records: ReturnType<typeof stored>): Promise<string> {
    const topic = central.unique('mixed')
    await central.createTopics([{ topic, partitions: 1, config: { 'retention.ms': '-1' } }])
    const messages = records.map((record) =>
      messageOf(record, { vehicle, epoch: 'epoch-1' }, Date.now()),
    )
    await produce(central.bootstrap, (producer) => producer.send({ topic, messages }))
    return topic
  }

  test('poison, a unit that changed and a signal that is missing are counted, and named', async (t) => {
    const drive = collectDrive(73, 120)
    const spoil = new Records()
    const records = drive.flatMap(({ type, timeUs, content }, i) => {
      const one = (payload: string, kind = type) =>
        spoil.next('telemetry', { type: kind, timeUs, payload: Buffer.from(payload) })
      const signals = { ...(content.signals as Record<string, unknown>) }
      const changed = {
        ...content,
        signals,
        ...(i === 60 ? { units: { 'Engine.Rpm': '1/s' } } : {}),
      }
      const poison = [
        ['{', '[]', 'null', '{"timeUs":1}', '{"timeUs":"x","signals":{}}', '\u0000\uffff'],
        [],
      ][i === 20 ? 0 : 1].map((text) => one(text))
      return [
        ...poison,
        ...(i === 30 ? [one('{"why":1}', 'milepost.other.v1')] : []),
        one(JSON.stringify(changed)),
      ]
    })
    const truck = central.unique('truck')
    const topic = await sendFleet(central, new Map([[truck, records]]))
    const { rows, history } = await rowsOf(topic)
    assert.deepEqual([history.log.counts.poison, history.log.counts.otherTypes], [6, 1])
    const { counts, problems } = history.features
    assert.deepEqual(problems, [{ signal: 'Engine.Rpm', unit: '1/s', wanted: 'rpm', vehicles: 1 }])
    assert.ok(counts.otherUnit >= 55 && counts.otherUnit <= 60, String(counts.otherUnit))
    // Held for ten seconds, then no row any more.
    assert.ok(rows.get(truck)!.length < 75 && rows.get(truck)!.length > 60)
    const out = join(tempDir(t), 'bundle')
    writeFileSync(`${out}.yaml`, RECIPE.replace(/Engine.Load/, 'Engine.Mood'))
    const { code, stderr } = await milepost(
      ...['train', '--brokers', central.bootstrap, '--topic', topic],
      ...['--recipe', `${out}.yaml`, '--out', out],
    )
    assert.equal(code, 1)
    assert.match(stderr, /TRAINING_DATA: 0 rows/)
    assert.match(stderr, /missing value: .*Engine\.Mood \(\d+\)/)
    assert.match(stderr, /6 records are poison/)
  })
})

describe('with a fleet on the log', () => {
  let topic: string
  before(async () => {
    const drives = [81, 82].map((seed) => [
      central.unique('truck'),
      stored(collectDrive(seed, 150)),
    ])
    topic = await sendFleet(central, new Map(drives as never))
  })

  test('historyDataset trains a TensorFlow.js model of one’s own', async () => {
    const { core, layers } = await loadTensorFlow('tfjs-cpu')
    const before = core.memory().numTensors
    // The example of models/README.md.
    const rows = await historyDataset({
      brokers,
      topic,
      from: 'earliest',
      features: recipe.features,
    })
    const scaled = rows.map((row) => core.div(row as Tensor1D, 1000))
    const batches = scaled.map((x) => ({ xs: x, ys: x }) as never).batch(32)
    const model = layers.sequential()
    model.add(layers.layers.dense({ units: 3, activation: 'tanh', inputShape: [4] }))
    model.add(layers.layers.dense({ units: 4 }))
    model.compile({ optimizer: 'adam', loss: 'meanSquaredError' })
    const { history } = await model.fitDataset(batches as never, { epochs: 8, verbose: 0 })
    assert.ok(Number(history.loss.at(-1)) < Number(history.loss[0]))
    model.dispose()

    const all = await rows.toArray()
    assert.ok(all.length > 250, String(all.length))
    const again = await rows.toArray()
    const values = (list: typeof all) => list.map((row) => [...(row as Tensor1D).dataSync()])
    assert.deepEqual(values(again), values(all), 'each iteration gives the same rows')
    for (const row of [...all, ...again]) (row as Tensor1D).dispose()
    const left = core.memory().numTensors - before
    // Adam's moments belong to the model's optimizer, which nobody disposes of.
    assert.ok(left < 40, `${left} tensors are left`)
  })

  test('milepost backtest puts two bundles side by side: table, JSON and page', async (t) => {
    const dir = tempDir(t)
    const make = async (name: string, change: (text: string) => string) => {
      const { rows } = await rowsOf(topic)
      async function* each() {
        for (const [index, list] of [...rows.values()].entries()) {
          for (const [i, row] of list.entries()) {
            const vehicle = `v${index}-${i % 8}`
            yield { vehicle, timeUs: i * 1e6, values: Float64Array.from(row) }
          }
        }
      }
      return trainBundle({
        recipe: parseRecipe(change(RECIPE)),
        rows: each(),
        source: () => ({ kind: 'dataset', name: 'x', licence: 'x', files: [] }),
        out: join(dir, name),
        codeVersion: 'test',
      })
    }
    await make('a', (text) => text)
    await make('b', (text) =>
      text
        .replace('kind: reconstruction', 'kind: clustering\nclusters: { count: 6 }')
        .replace(/^(network|training):.*\n/gm, ''),
    )
    const run = (...args: string[]) =>
      milepost(
        ...['backtest', '--brokers', central.bootstrap, '--topic', topic],
        ...['--bundles', `${join(dir, 'a')},${join(dir, 'b')}`, ...args],
      )
    const page = join(dir, 'page.html')
    const { code, stdout, stderr } = await run('--json', '--picture', page)
    assert.equal(code, 0, stderr)
    const { bundles } = JSON.parse(stdout)
    assert.deepEqual(
      bundles.map(({ hash }: { hash: string }) => hash),
      ['a', 'b'].map((name) => loadBundle(join(dir, name)).hash),
    )
    for (const one of bundles) {
      assert.ok(one.rows > 250)
      assert.equal(one.vehicles, 2)
      assert.equal(one.toldEvents.length, one.events)
      assert.ok(one.curve.length > 100)
    }
    const html = readFileSync(page, 'utf8')
    assert.match(html, /new uPlot\(/)
    assert.ok(
      html.includes(bundles[0].hash.slice(0, 8)) && html.includes(bundles[1].hash.slice(0, 8)),
    )
    const table = await run()
    assert.match(table.stdout, /kind +reconstruction +clustering/)
    const empty = await run('--json', '--from', '3', '--to', '3')
    assert.equal(JSON.parse(empty.stdout).bundles[0].rows, 0)
    assert.equal((await run('--bundles', 'a,,b')).code, 2)
  })
})
