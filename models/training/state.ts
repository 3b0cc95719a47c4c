import type { AdamOptimizer, Tensor, Variable } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { TensorFlow } from '../runtime/tfjs.ts'
import type { Saved } from '../saved.ts'

/**
 * What Adam keeps beside the moments. `setWeights` works the powers of its betas out anew, a bit off
 * from those that were multiplied step by step; the bundle's hash would tell.
 */
type Powers = { readonly accBeta1: Variable; readonly accBeta2: Variable }

/** A training between two epochs: weights, and all that its optimizer remembers. */
export class TrainingState {
  readonly #tensorFlow: TensorFlow
  readonly #model: LayersModel
  readonly #optimizer: AdamOptimizer

  constructor(tensorFlow: TensorFlow, model: LayersModel, optimizer: AdamOptimizer) {
    this.#tensorFlow = tensorFlow
    this.#model = model
    this.#optimizer = optimizer
  }

  async save(epoch: number): Promise<Saved> {
    const arrays: Record<string, Float32Array<ArrayBuffer>> = {}
    const add = (name: string, tensor: Tensor) => {
      arrays[name] = Float32Array.from(tensor.dataSync())
    }
    for (const [i, weight] of this.#model.getWeights().entries()) add(`weight.${i}`, weight)
    const kept = await this.#optimizer.getWeights()
    for (const [i, { tensor }] of kept.entries()) add(`optimizer.${i}`, tensor)
    // The first is a count that was made for this call; the others are the optimizer's own.
    kept[0].tensor.dispose()
    const { accBeta1, accBeta2 } = this.#optimizer as unknown as Powers
    add('accBeta1', accBeta1)
    add('accBeta2', accBeta2)
    return { meta: { epoch, optimizer: kept.map(({ name }) => name) }, arrays }
  }

  /** Returns how many epochs are done. */
  async restore({ meta, arrays }: Saved): Promise<number> {
    const { core } = this.#tensorFlow
    const weights = this.#model
      .getWeights()
      .map(({ shape }, i) => core.tensor(arrays[`weight.${i}`] as Float32Array, shape))
    this.#model.setWeights(weights)
    const trained = this.#model.getWeights()
    const names = meta.optimizer as string[]
    await this.#optimizer.setWeights(
      names.map((name, i) => {
        const values = arrays[`optimizer.${i}`] as Float32Array
        // First the count of steps, then two moments of each weight.
        if (i === 0) return { name, tensor: core.scalar(values[0], 'int32') }
        return { name, tensor: core.tensor(values, trained[(i - 1) % trained.length].shape) }
      }),
    )
    const powers = this.#optimizer as unknown as Powers
    for (const name of ['accBeta1', 'accBeta2'] as const) {
      powers[name].assign(core.scalar((arrays[name] as Float32Array)[0]))
    }
    for (const weight of weights) weight.dispose()
    return meta.epoch as number
  }
}
