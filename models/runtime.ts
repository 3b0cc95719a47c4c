/** Names of the runtimes, the preferred first. */
export const RUNTIMES = ['compiled', 'tfjs-node', 'tfjs-wasm', 'tfjs-cpu'] as const
export type RuntimeName = (typeof RUNTIMES)[number]

/** Activations that every runtime here computes alike. */
export const ACTIVATIONS = ['linear', 'relu', 'tanh', 'sigmoid', 'elu', 'softmax'] as const
export type Activation = (typeof ACTIVATIONS)[number]

/** A dense layer as a bundle stores it, whatever runs it. */
export interface DenseLayer {
  readonly units: number
  readonly activation: Activation
  /** `inputs × units`, row by row, as Keras has it. */
  readonly kernel: Float32Array
  readonly bias: Float32Array
}

/**
 * A TensorFlow.js layers model in memory, as its `model.json` and weight files hold it. Verified
 * bytes are handed to a runtime like this, so that what runs is what was hashed.
 */
export interface ModelParts {
  /** `modelTopology` of `model.json`. */
  readonly topology: object
  /** `weightsManifest` of `model.json`, all groups in order. */
  readonly weightSpecs: readonly WeightSpec[]
  /** All weight files, one after the other: little-endian float32. */
  readonly weights: Uint8Array
}

export interface WeightSpec {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: 'float32'
}

/** Centres that rows are compared with, as a bundle of kind `clustering` holds them. */
export interface ClusterParts {
  readonly count: number
  readonly inputs: number
  /** `count × inputs`, centre by centre, scaled. */
  readonly centres: Float64Array
  /** Mean squared deviation of the rows of each centre, column by column, scaled. */
  readonly squares: Float64Array
  /** Rows that each centre stands for. */
  readonly rows: Float64Array
}

/** A loaded network: rows in, rows out. */
export interface Network {
  readonly inputs: number
  readonly outputs: number
  /**
   * Runs `count` rows of `inputs` values each from `rows` (row by row, scaled), writing `outputs`
   * values each to `out`. Synchronous, allocates nothing that lasts, throws a `RangeError` on a
   * wrong length.
   */
  predict(rows: Float32Array, count: number, out: Float32Array): void
  /** Frees memory; the network must not be used after it. */
  dispose(): void
}

/** One way to run networks. */
export interface Runtime {
  readonly name: RuntimeName
  /**
   * Prepares the network of a TensorFlow.js layers model: a path to its `model.json`, or the model
   * already in memory; or clusters, whose output for a row is the centre nearest to it. Rejects with `RUNTIME_MISSING` where this runtime is not installed,
   * `BUNDLE_SHAPE` where it cannot run such a network.
   */
  load(model: string | ModelParts | ClusterParts): Promise<Network>
}
