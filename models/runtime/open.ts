import type { Bundle } from '../bundle/load.ts'
import type { Manifest } from '../bundle/manifest.ts'
import { ModelError } from '../errors.ts'
import { RowMaker } from '../features/row.ts'
import { judgeOf } from '../judge.ts'
import { type Network, RUNTIMES, type Runtime, type RuntimeName } from '../runtime.ts'
import { compiledRuntime } from './compiled.ts'

/** A bundle's network, golden rows passed. */
export interface OpenNetwork {
  readonly network: Network
  readonly runtime: RuntimeName
}

/**
 * The runtime of this name, TensorFlow.js loaded if it needs it.
 * @throws ModelError `RUNTIME_MISSING`
 */
export async function openRuntime(name: RuntimeName = RUNTIMES[0]): Promise<Runtime> {
  if (name === 'compiled') return compiledRuntime
  // Only here, so that an agent with compiled bundles never loads TensorFlow.js.
  const { loadTensorFlow, tensorFlowRuntime } = await import('./tfjs.ts')
  await loadTensorFlow(name)
  return tensorFlowRuntime(name)
}

/** Which runtimes can be used here, and why the others cannot. */
export async function presentRuntimes(): Promise<Map<RuntimeName, Runtime | ModelError>> {
  const found = new Map<RuntimeName, Runtime | ModelError>()
  for (const name of RUNTIMES) {
    found.set(
      name,
      await openRuntime(name).catch((error: unknown) => {
        if (error instanceof ModelError) return error
        throw error
      }),
    )
  }
  return found
}

/**
 * Opens a bundle's network and checks it against the golden rows, which TensorFlow.js computed in
 * training. Without a wish the first runtime of `RUNTIMES` that can run the network is taken.
 * @throws ModelError `RUNTIME_MISSING`, `BUNDLE_SHAPE`, `BUNDLE_GOLDEN`
 */
export async function openNetwork(bundle: Bundle, wish?: RuntimeName): Promise<OpenNetwork> {
  let problem: unknown
  for (const name of wish ? [wish] : RUNTIMES) {
    let network: Network
    try {
      network = await (await openRuntime(name)).load(bundle.model)
    } catch (error) {
      problem ??= error
      continue
    }
    try {
      checkGolden(bundle, network, name)
      return { network, runtime: name }
    } catch (error) {
      network.dispose()
      throw error
    }
  }
  throw problem
}

/** Runs the golden rows: raw to scaled by this code's features, scaled to output by this network. */
export function checkGolden(bundle: Bundle, network: Network, runtime: RuntimeName): void {
  const { features, golden } = bundle.manifest
  const shape = shapeOf(bundle.manifest)
  if (network.inputs !== shape.inputs || network.outputs !== shape.outputs) {
    throw new ModelError(
      'BUNDLE_SHAPE',
      `the network is ${network.inputs} → ${network.outputs}, the manifest says ${shape.inputs} → ${shape.outputs}`,
      { hint: 'Fetch or copy the bundle anew; the one in use stays in use.' },
    )
  }
  const rows = new RowMaker(features)
  const judge = judgeOf(bundle, network)
  const close = (a: number, b: number) =>
    Math.abs(a - b) <= golden.tolerance * Math.max(1, Math.abs(b))
  const fail = (index: number, what: string) =>
    new ModelError('BUNDLE_GOLDEN', `golden row ${index}: ${what} (${runtime})`, {
      hint: 'The model does not compute here what it computed in training: keep the one in use, and tell who released it.',
    })
  for (const [index, wanted] of golden.rows.entries()) {
    const row = rows.make(Float64Array.from(wanted.raw), 0)
    if (!row) throw fail(index, 'a value is missing')
    // Scaling is arithmetic that is the same everywhere, so it must agree to the bit.
    const column = row.scaled.findIndex((value, i) => value !== Math.fround(wanted.scaled[i]))
    if (column >= 0) {
      throw fail(
        index,
        `${features.inputs[column].name} is scaled to ${row.scaled[column]}, not ${wanted.scaled[column]}`,
      )
    }
    const score = judge.score(row.scaled)
    const found = judge.columns.map((column) => judge.expected(column))
    const at = wanted.output.findIndex((value, i) => !close(found[i], value))
    if (at >= 0) throw fail(index, `output ${at} is ${found[at]}, not ${wanted.output[at]}`)
    if (!close(score, wanted.score)) throw fail(index, `score is ${score}, not ${wanted.score}`)
  }
}

function shapeOf(manifest: Manifest): { inputs: number; outputs: number } {
  if (manifest.kind !== 'clustering') return manifest.network
  const { inputs } = manifest.clusters
  return { inputs, outputs: inputs }
}
