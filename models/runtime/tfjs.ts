import type * as TfCore from '@tensorflow/tfjs-core'
import type * as TfLayers from '@tensorflow/tfjs-layers'
import { ModelError } from '../errors.ts'
import type { ClusterParts, ModelParts, Network, Runtime, RuntimeName } from '../runtime.ts'
import { readParts } from './read.ts'

export type TensorFlowName = Exclude<RuntimeName, 'compiled'>

/** TensorFlow.js with one of its backends ready. */
export interface TensorFlow {
  readonly core: typeof TfCore
  readonly layers: typeof TfLayers
  /** Makes this backend the one that computes: TensorFlow.js has one at a time in a process. */
  use(): void
}

const BACKENDS: Record<TensorFlowName, { backend: string; import: () => Promise<unknown> }> = {
  'tfjs-cpu': { backend: 'cpu', import: () => import('@tensorflow/tfjs-backend-cpu') },
  'tfjs-wasm': { backend: 'wasm', import: () => import('@tensorflow/tfjs-backend-wasm') },
  // The name is kept from the type checker: the package may not be installed.
  'tfjs-node': { backend: 'tensorflow', import: () => import('@tensorflow/tfjs-node' as string) },
}

const loaded = new Map<TensorFlowName, Promise<TensorFlow>>()

/**
 * Loads TensorFlow.js with this backend, once for the process.
 * @throws ModelError `RUNTIME_MISSING`
 */
export function loadTensorFlow(name: TensorFlowName): Promise<TensorFlow> {
  let promise = loaded.get(name)
  if (!promise) {
    promise = load(name)
    loaded.set(name, promise)
  }
  return promise
}

async function load(name: TensorFlowName): Promise<TensorFlow> {
  const { backend, import: importBackend } = BACKENDS[name]
  try {
    const core = unwrap<typeof TfCore>(await import('@tensorflow/tfjs-core'))
    // Without it the CPU backend writes an advertisement to stderr.
    core.enableProdMode()
    await importBackend()
    const layers = unwrap<typeof TfLayers>(await import('@tensorflow/tfjs-layers'))
    if (!(await core.setBackend(backend))) throw new Error(`backend ${backend} did not start`)
    await core.ready()
    return {
      core,
      layers,
      use() {
        // Runs to its end at once for a backend that has been started before.
        if (core.getBackend() !== backend) void core.setBackend(backend)
      },
    }
  } catch (cause) {
    throw new ModelError('RUNTIME_MISSING', `${name} cannot be used here`, {
      cause,
      hint:
        name === 'tfjs-node'
          ? 'It is optional: npm install @tensorflow/tfjs-node, or take another runtime.'
          : 'Run npm ci again, or take another runtime.',
    })
  }
}

/** CommonJS seen from an ES module: its names, wherever the loader put them. */
function unwrap<T>(module: unknown): T {
  const { default: inner } = module as { default?: T }
  return inner ?? (module as T)
}

/** The runtime that computes with TensorFlow.js on this backend. */
export function tensorFlowRuntime(name: TensorFlowName): Runtime {
  return {
    name,
    async load(model: string | ModelParts | ClusterParts): Promise<Network> {
      if (typeof model !== 'string' && 'centres' in model) {
        throw new ModelError('BUNDLE_SHAPE', `${name} runs networks of layers, not clusters`, {
          hint: 'Clusters run on `compiled`: name no other runtime for this bundle.',
        })
      }
      const tensorFlow = await loadTensorFlow(name)
      return loadNetwork(tensorFlow, typeof model === 'string' ? await readParts(model) : model)
    },
  }
}

async function loadNetwork(tensorFlow: TensorFlow, parts: ModelParts): Promise<Network> {
  const { core, layers } = tensorFlow
  tensorFlow.use()
  let model: TfLayers.LayersModel
  try {
    model = await layers.loadLayersModel(
      core.io.fromMemory({
        modelTopology: parts.topology,
        weightSpecs: parts.weightSpecs.map((spec) => ({ ...spec, shape: [...spec.shape] })),
        weightData: parts.weights.slice().buffer,
      }),
    )
  } catch (cause) {
    throw new ModelError('BUNDLE_SHAPE', `TensorFlow.js refused the network: ${cause}`, {
      cause,
      hint: 'Train the model again with the TensorFlow.js layers that this milepost carries.',
    })
  }
  const [inputs, outputs] = [model.inputs[0].shape[1], model.outputs[0].shape[1]]
  if (model.inputs.length !== 1 || model.outputs.length !== 1 || !inputs || !outputs) {
    model.dispose()
    throw new ModelError('BUNDLE_SHAPE', 'the network does not take rows and give rows', {
      hint: 'Bundles hold networks with one input and one output, both flat.',
    })
  }
  return {
    inputs,
    outputs,
    predict(rows, count, out) {
      if (rows.length < count * inputs || out.length < count * outputs) {
        throw new RangeError(`${count} rows of ${inputs} → ${outputs} do not fit their arrays`)
      }
      tensorFlow.use()
      core.tidy(() => {
        const batch = core.tensor2d(rows.slice(0, count * inputs), [count, inputs])
        // All rows in one go: layers would else cut them into batches of 32.
        const result = model.predict(batch, { batchSize: count }) as TfCore.Tensor
        out.set(result.dataSync())
      })
    },
    dispose() {
      tensorFlow.use()
      model.dispose()
    },
  }
}
