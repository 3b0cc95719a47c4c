import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ModelError } from '../../models/errors.ts'
import { openRuntime, presentRuntimes } from '../../models/runtime/open.ts'
import { loadTensorFlow } from '../../models/runtime/tfjs.ts'
import { ACTIVATIONS, type Network, RUNTIMES, type Runtime } from '../../models/runtime.ts'
import { dense } from './nets.ts'

const LEAK_ROWS = 100_000
const present = await presentRuntimes()

/** The network worked out by hand, in doubles. */
function byHand(parts: ReturnType<typeof dense>, row: number[]): number[] {
  const { layers } = (
    parts.topology as { config: { layers: { config: { units: number; activation: string } }[] } }
  ).config
  const weights = new Float32Array(parts.weights.buffer)
  let at = 0
  let values = row
  for (const { config } of layers) {
    const sums = Array.from({ length: config.units }, (_, unit) => {
      let sum = weights[at + values.length * config.units + unit]
      values.forEach((value, i) => {
        sum += value * weights[at + i * config.units + unit]
      })
      return sum
    })
    at += (values.length + 1) * config.units
    const top = Math.max(...sums)
    const total = sums.reduce((sum, x) => sum + Math.exp(x - top), 0)
    const activations: Record<string, (x: number) => number> = {
      linear: (x) => x,
      relu: (x) => Math.max(0, x),
      tanh: Math.tanh,
      sigmoid: (x) => 1 / (1 + Math.exp(-x)),
      elu: (x) => (x < 0 ? Math.exp(x) - 1 : x),
      softmax: (x) => Math.exp(x - top) / total,
    }
    values = sums.map(activations[config.activation])
  }
  return values
}

function run(network: Network, rows: number[][]): number[][] {
  const out = new Float32Array(rows.length * network.outputs)
  network.predict(Float32Array.from(rows.flat()), rows.length, out)
  return rows.map((_, i) => [...out.subarray(i * network.outputs, (i + 1) * network.outputs)])
}

function assertClose(found: number[][], wanted: number[][], tolerance: number): void {
  for (const [i, row] of wanted.entries()) {
    for (const [j, value] of row.entries()) {
      const difference = Math.abs(found[i][j] - value)
      assert.ok(difference <= tolerance * Math.max(1, Math.abs(value)), `${found[i][j]} ≠ ${value}`)
    }
  }
}

for (const name of RUNTIMES) {
  const runtime = present.get(name)
  if (runtime instanceof ModelError) {
    test(`${name} is not here, and says so`, async () => {
      console.log(`runtime ${name} not tested: ${runtime.message}`)
      assert.equal(runtime.code, 'RUNTIME_MISSING')
      assert.ok(runtime.hint)
      await assert.rejects(openRuntime(name), { code: 'RUNTIME_MISSING' })
    })
  } else describe(name, () => contract(runtime as Runtime))
}

function contract(runtime: Runtime): void {
  const rows = [0, 1, 2].map((k) => Array.from({ length: 6 }, (_, i) => Math.sin(7 * k + i)))

  for (const activation of ACTIVATIONS) {
    test(`computes ${activation} as worked out by hand, row by row and all at once`, async () => {
      const parts = dense([6, 5, 4], activation, 3, activation)
      const network = await runtime.load(parts)
      const wanted = rows.map((row) => byHand(parts, row))
      assertClose(run(network, rows), wanted, 1e-5)
      assertClose(
        rows.flatMap((row) => run(network, [row])),
        wanted,
        1e-5,
      )
      assert.deepEqual([network.inputs, network.outputs], [6, 4])
      network.dispose()
    })
  }

  test('networks stand side by side', async () => {
    const [a, b] = [dense([6, 3], 'tanh', 1), dense([6, 9, 2], 'relu', 2)]
    const [first, second] = await Promise.all([runtime.load(a), runtime.load(b)])
    for (let i = 0; i < 3; i++) {
      assertClose(run(first, [rows[i]]), [byHand(a, rows[i])], 1e-5)
      assertClose(run(second, [rows[i]]), [byHand(b, rows[i])], 1e-5)
    }
    first.dispose()
    assertClose(
      run(second, rows),
      rows.map((row) => byHand(b, row)),
      1e-5,
    )
    second.dispose()
  })

  test('refuses arrays that are too short', async () => {
    const network = await runtime.load(dense([6, 3], 'tanh', 1))
    assert.throws(() => network.predict(new Float32Array(5), 1, new Float32Array(3)), RangeError)
    assert.throws(() => network.predict(new Float32Array(6), 1, new Float32Array(2)), RangeError)
    network.dispose()
  })

  test('refuses what is no network of layers', async () => {
    const parts = dense([6, 3], 'tanh', 1)
    await assert.rejects(runtime.load({ ...parts, topology: { class_name: 'Nonsense' } }), {
      code: 'BUNDLE_SHAPE',
    })
    await assert.rejects(runtime.load('/nowhere/model.json'), { code: 'BUNDLE_MISSING' })
  })

  test(`keeps no tensors over ${LEAK_ROWS} predictions`, async () => {
    const network = await runtime.load(dense([2, 2], 'tanh', 1))
    const row = new Float32Array([0.5, -0.5])
    const out = new Float32Array(2)
    // `compiled` has none to keep; what TensorFlow.js holds must not grow beside it either.
    const { core } = await loadTensorFlow('tfjs-cpu')
    network.predict(row, 1, out)
    const before = core.memory()
    for (let i = 0; i < LEAK_ROWS; i++) network.predict(row, 1, out)
    const after = core.memory()
    assert.equal(after.numTensors, before.numTensors)
    assert.equal(after.numDataBuffers, before.numDataBuffers)
    network.dispose()
  })
}

test('compiled agrees with TensorFlow.js on any dense network', async () => {
  const cpu = await openRuntime('tfjs-cpu')
  const compiled = await openRuntime('compiled')
  const activation = fc.constantFrom(...ACTIVATIONS)
  await fc.assert(
    fc.asyncProperty(
      // Beyond 400 weights a layer is a loop instead of straight-line code.
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 5 }),
      activation,
      activation,
      fc.nat(),
      async (shape, hidden, last, seed) => {
        const parts = dense(shape, hidden, seed, last)
        const rows = [1, 2, 3].map((k) =>
          Array.from({ length: shape[0] }, (_, i) => 3 * Math.sin(seed + 11 * k + i)),
        )
        const [a, b] = [await cpu.load(parts), await compiled.load(parts)]
        try {
          assertClose(run(b, rows), run(a, rows), 1e-5)
        } finally {
          a.dispose()
          b.dispose()
        }
      },
    ),
    { seed: 4711, numRuns: 60 },
  )
})
