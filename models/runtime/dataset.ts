import type { Tensor1D } from '@tensorflow/tfjs-core'
import type { Dataset } from '@tensorflow/tfjs-data'
import { loadTensorFlow, type TensorFlowName } from './tfjs.ts'

/** The types of a dataset of rows, for who names them. */
export type { Dataset, Tensor1D }

/**
 * Rows as a `tf.data` dataset of tensors of one row each; batches and everything else are the dataset's
 * own. Each iteration asks for the rows anew.
 * @param rows gives chunks of rows, row by row; they may be used again once the next is asked for
 * @throws ModelError `RUNTIME_MISSING`
 */
export async function rowDataset(
  rows: () => AsyncIterable<{ readonly values: Float32Array; readonly count: number }>,
  width: number,
  backend: TensorFlowName = 'tfjs-cpu',
): Promise<Dataset<Tensor1D>> {
  const tensorFlow = await loadTensorFlow(backend)
  tensorFlow.use()
  // CommonJS: its names are where the loader put them.
  const module = (await import(
    '@tensorflow/tfjs-data'
  )) as typeof import('@tensorflow/tfjs-data') & {
    default?: typeof import('@tensorflow/tfjs-data')
  }
  const { generator } = module.default ?? module
  async function* each(): AsyncGenerator<Tensor1D> {
    for await (const { values, count } of rows()) {
      for (let i = 0; i < count; i++) {
        yield tensorFlow.core.tensor1d(values.slice(i * width, (i + 1) * width))
      }
    }
  }
  return generator(each as never) as unknown as Dataset<Tensor1D>
}
