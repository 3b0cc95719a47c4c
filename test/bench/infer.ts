import { presentRuntimes } from '../../models/runtime/open.ts'
import type { Network, RuntimeName } from '../../models/runtime.ts'
import { dense } from '../models/nets.ts'
import { type BenchRow, median } from './bench.ts'

/** The autoencoder of the public connected-cars demo. */
const SHAPE = [18, 14, 7, 7, 18]
const ROUNDS = 5

/** Microseconds a row, row by row as on a vehicle; the middle of some rounds. */
function rowUs(network: Network, rows: number): number {
  const inputs = new Float32Array(64 * network.inputs).map((_, i) => Math.sin(i))
  const row = Array.from({ length: 64 }, (_, i) =>
    inputs.subarray(i * network.inputs, (i + 1) * network.inputs),
  )
  const out = new Float32Array(network.outputs)
  const run = (count: number) => {
    for (let i = 0; i < count; i++) network.predict(row[i & 63], 1, out)
  }
  run(Math.ceil(rows / 4))
  const rounds = Array.from({ length: ROUNDS }, () => {
    const start = performance.now()
    run(rows)
    return ((performance.now() - start) * 1000) / rows
  })
  return median(rounds)
}

/** One row through the compiled network beside every other runtime that is here. */
export async function bench(): Promise<BenchRow[]> {
  const parts = dense(SHAPE, 'tanh', 1)
  const figures = new Map<RuntimeName, number>()
  for (const [name, runtime] of await presentRuntimes()) {
    if (runtime instanceof Error) {
      console.error(`  ${name} is not here: ${runtime.message}`)
      continue
    }
    const network = await runtime.load(parts)
    figures.set(name, rowUs(network, name === 'compiled' ? 200_000 : 3000))
    network.dispose()
  }
  const ours = figures.get('compiled')!
  figures.delete('compiled')
  return [...figures].map(([peer, theirs]) => ({
    name: `infer ${SHAPE.join('-')}, compiled`,
    unit: 'µs/row',
    ours,
    peer,
    theirs,
    ratio: theirs / ours,
  }))
}
