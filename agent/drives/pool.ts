import { availableParallelism } from 'node:os'
import { MessageChannel } from 'node:worker_threads'
import type { FeatureSpec } from '../../models/features/spec.ts'
import { startWorker } from '../../sync/start-worker.ts'
import { type Complaint, errorOf } from '../error.ts'
import type { DriveRows, DriveSpec } from './drive.ts'

/** Threads that drive at once. */
const MAX_THREADS = 8
/** Drives per thread that are done or under way before their turn. */
const AHEAD = 2

export interface DriveOrder {
  readonly spec: DriveSpec
  readonly features: FeatureSpec
}

export type DriveAnswer = DriveRows | { readonly failed: Complaint }

/**
 * Rows of many simulated drives, in the order in which they are asked for, on as many threads as there
 * are processors: the same rows as one thread would make.
 * @throws what a drive throws, with its code and hint
 */
export async function* driveRows(
  features: FeatureSpec,
  specs: Iterable<DriveSpec>,
): AsyncGenerator<DriveRows & { readonly spec: DriveSpec }> {
  const threads = Array.from({ length: Math.min(MAX_THREADS, availableParallelism()) }, () =>
    startWorker('drive-worker', import.meta.url, {}),
  )
  const drive = (place: number, spec: DriveSpec): Promise<DriveRows> =>
    new Promise((resolve, reject) => {
      const thread = threads[place % threads.length]
      const { port1, port2 } = new MessageChannel()
      port1.once('message', (data: DriveAnswer) => {
        port1.close()
        thread.off('error', reject)
        if ('failed' in data) reject(errorOf(data.failed))
        else resolve(data)
      })
      thread.on('error', reject)
      const order: DriveOrder = { spec, features }
      thread.postMessage({ order, answer: port2 }, [port2])
    })
  try {
    const waiting: { spec: DriveSpec; rows: Promise<DriveRows> }[] = []
    let place = 0
    for (const spec of specs) {
      const rows = drive(place++, spec)
      // Whoever waits for it hears of it; until then it is nobody's.
      rows.catch(() => {})
      waiting.push({ spec, rows })
      if (waiting.length <= AHEAD * threads.length) continue
      const first = waiting.shift()!
      yield { spec: first.spec, ...(await first.rows) }
    }
    for (const { spec, rows } of waiting) yield { spec, ...(await rows) }
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()))
  }
}
