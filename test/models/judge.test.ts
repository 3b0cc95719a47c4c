import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadBundle } from '../../models/bundle/load.ts'
import { Clusters } from '../../models/clustering/clusters.ts'
import { clusterJudge, judgeOf } from '../../models/judge.ts'
import { openRuntime } from '../../models/runtime/open.ts'
import { randomOf } from '../../models/training/random.ts'

/** More than TensorFlow.js takes in one block, and no multiple of it. */
const ROWS = 131

function scaledRows(width: number): Float32Array {
  const random = randomOf(5)
  return Float32Array.from({ length: ROWS * width }, () => (random() - 0.5) * 6)
}

for (const runtime of ['tfjs-cpu', 'compiled'] as const) {
  for (const name of ['simulator', 'simulator-slow', 'car-sensor']) {
    test(`rows scored together have the bits of each alone: ${name} on ${runtime}`, async () => {
      const url = new URL(`../../models/bundles/${name}`, import.meta.url)
      const bundle = loadBundle(url.pathname)
      const network = await (await openRuntime(runtime)).load(bundle.model)
      const width = bundle.manifest.features.inputs.length
      const rows = scaledRows(width)
      const judge = judgeOf(bundle, network)
      const alone = Array.from({ length: ROWS }, (_, i) =>
        judge.score(rows.subarray(i * width, (i + 1) * width)),
      )
      const last = judge.columns.map((column) => [judge.errors[column], judge.expected(column)])
      const other = judgeOf(bundle, network)
      const together = new Float64Array(ROWS)
      other.scores(rows, together)
      assert.deepEqual([...together], alone)
      assert.equal(new Set(alone).size, ROWS)
      const told = other.columns.map((column) => [other.errors[column], other.expected(column)])
      assert.deepEqual(told, last, 'it then tells of the last row')
      network.dispose()
    })
  }
}

test('so do rows that are compared with centres', () => {
  const parts = {
    count: 2,
    inputs: 3,
    centres: Float64Array.of(-1, -1, -1, 1, 1, 1),
    squares: new Float64Array(6).fill(0.5),
    rows: Float64Array.of(10, 10),
  }
  const judge = clusterJudge(new Clusters(parts, { memoryRows: 0, maxShift: 1 }))
  const rows = scaledRows(3)
  const together = new Float64Array(ROWS)
  judge.scores(rows, together)
  for (let i = 0; i < ROWS; i++) {
    assert.equal(together[i], judge.score(rows.subarray(i * 3, i * 3 + 3)))
  }
})
