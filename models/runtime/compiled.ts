import type { ClusterParts, DenseLayer, ModelParts, Network, Runtime } from '../runtime.ts'
import { nearestNetwork } from './clusters.ts'
import { denseLayersOf } from './dense.ts'
import { readParts } from './read.ts'

/**
 * Layers with at most this many weights are written out as straight-line code; larger ones are loops.
 * V8 leaves functions beyond some 60 KB of bytecode unoptimised, which costs more than a loop does.
 */
const STRAIGHT_WEIGHTS = 400

/**
 * Runs dense networks as JavaScript that is generated for them, without TensorFlow.js. Sums are
 * taken in doubles and rounded to float32 after the product, the bias and the activation, which is
 * what TensorFlow.js does on a CPU.
 */
export const compiledRuntime: Runtime = {
  name: 'compiled',
  async load(model: string | ModelParts | ClusterParts): Promise<Network> {
    if (typeof model !== 'string' && 'centres' in model) return nearestNetwork(model)
    const { inputs, layers } = denseLayersOf(
      typeof model === 'string' ? await readParts(model) : model,
    )
    return compile(inputs, layers)
  },
}

type Step = (from: Float32Array, fromAt: number, to: Float32Array, toAt: number) => void

/** Makes the network of these layers, the first of which takes `inputs` values. */
export function compile(inputs: number, layers: readonly DenseLayer[]): Network {
  const outputs = layers[layers.length - 1].units
  const steps = layers.map((layer) => compileLayer(layer))
  const between = layers.slice(0, -1).map(({ units }) => new Float32Array(units))
  const last = steps.length - 1
  let disposed = false
  return {
    inputs,
    outputs,
    predict(rows, count, out) {
      if (disposed) throw new RangeError('the network was disposed of')
      if (rows.length < count * inputs || out.length < count * outputs) {
        throw new RangeError(
          `${count} rows need ${count * inputs} values in and ${count * outputs} out, ` +
            `got ${rows.length} and ${out.length}`,
        )
      }
      for (let row = 0; row < count; row++) {
        let from = rows
        let fromAt = row * inputs
        for (let i = 0; i < last; i++) {
          steps[i](from, fromAt, between[i], 0)
          from = between[i]
          fromAt = 0
        }
        steps[last](from, fromAt, out, row * outputs)
      }
    },
    dispose() {
      disposed = true
    },
  }
}

/** An activation as an expression of `x`; softmax needs the whole layer and comes after it. */
const EXPRESSIONS: Record<DenseLayer['activation'], string> = {
  linear: 'x',
  relu: 'x > 0 ? x : x * 0',
  tanh: 'Math.tanh(x)',
  sigmoid: '1 / (1 + Math.exp(-x))',
  elu: 'x >= 0 ? x : Math.expm1(x)',
  softmax: 'x',
}

function compileLayer(layer: DenseLayer): Step {
  const { units, activation, kernel, bias } = layer
  const inputs = kernel.length / units
  const body =
    kernel.length <= STRAIGHT_WEIGHTS
      ? straight(inputs, layer)
      : loops(inputs, units, EXPRESSIONS[activation])
  const source = `'use strict'
const fround = Math.fround
return function (from, fromAt, to, toAt) {
${body}${activation === 'softmax' ? softmax(units) : ''}}`
  // Column by column, so that the inner loop walks through memory in order.
  const columns = new Float32Array(kernel.length)
  for (let unit = 0; unit < units; unit++) {
    for (let i = 0; i < inputs; i++) columns[unit * inputs + i] = kernel[i * units + unit]
  }
  return new Function('columns', 'bias', source)(columns, bias) as Step
}

/** Weights stand in the code as numbers, so nothing is loaded but the inputs. */
function straight(inputs: number, { units, activation, kernel, bias }: DenseLayer): string {
  const lines: string[] = []
  for (let i = 0; i < inputs; i++) lines.push(`  const i${i} = from[fromAt + ${i}]`)
  lines.push('  let x = 0')
  for (let unit = 0; unit < units; unit++) {
    const terms: string[] = []
    for (let i = 0; i < inputs; i++) terms.push(`i${i} * ${literal(kernel[i * units + unit])}`)
    lines.push(`  x = fround(fround(${terms.join(' + ')}) + ${literal(bias[unit])})`)
    lines.push(`  to[toAt + ${unit}] = ${EXPRESSIONS[activation]}`)
  }
  return `${lines.join('\n')}\n`
}

/** A float32 as a literal in brackets, whatever its sign. */
function literal(value: number): string {
  return Object.is(value, -0) ? '(-0)' : `(${value})`
}

function loops(inputs: number, units: number, expression: string): string {
  return `  for (let unit = 0, at = 0; unit < ${units}; unit++) {
    let sum = 0
    for (let i = 0; i < ${inputs}; i++) sum += from[fromAt + i] * columns[at++]
    const x = fround(fround(sum) + bias[unit])
    to[toAt + unit] = ${expression}
  }
`
}

/** The largest is taken away before the exponential, so that nothing overflows. */
function softmax(units: number): string {
  return `  let top = -Infinity
  for (let unit = 0; unit < ${units}; unit++) if (to[toAt + unit] > top) top = to[toAt + unit]
  let sum = 0
  for (let unit = 0; unit < ${units}; unit++) sum += to[toAt + unit] = Math.exp(to[toAt + unit] - top)
  for (let unit = 0; unit < ${units}; unit++) to[toAt + unit] /= sum
`
}
