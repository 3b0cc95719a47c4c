/** Names of the runtimes, the preferred first. */
export const RUNTIMES = ['compiled', 'tfjs-node', 'tfjs-wasm', 'tfjs-cpu'] as const
export type RuntimeName = (typeof RUNTIMES)[number]

/** A dense layer as a bundle stores it, whatever runs it. */
export interface DenseLayer {
  readonly units: number
  readonly activation: 'linear' | 'relu' | 'tanh' | 'sigmoid' | 'elu' | 'softmax'
  /** `inputs × units`, row by row, as Keras has it. */
  readonly kernel: Float32Array
  readonly bias: Float32Array
}

/** A loaded network: rows in, rows out. */
export interface Network {
  readonly inputs: number
  readonly outputs: number
  /**
   * Runs `count` rows of `inputs` values each from `rows` (row by row, scaled), writing `outputs`
   * values each to `out`. Synchronous, allocates nothing that lasts, throws on a wrong length.
   */
  predict(rows: Float32Array, count: number, out: Float32Array): void
  /** Frees memory; the network must not be used after it. */
  dispose(): void
}

/** One way to run networks. */
export interface Runtime {
  readonly name: RuntimeName
  /**
   * Prepares the network of the TensorFlow.js layers model in `modelFile` (a `model.json`). Rejects
   * with `RUNTIME_MISSING` where this runtime is not installed, `BUNDLE_SHAPE` where it cannot run
   * such a network.
   */
  load(modelFile: string): Promise<Network>
}
