import { extname } from 'node:path'
import { Worker, type WorkerOptions } from 'node:worker_threads'

/**
 * Starts the module `name` beside `parentUrl` as a worker thread: the built `.js`, or in development
 * the `.ts` itself. A worker does not inherit tsx's loader on Node.js 20, so it is registered first.
 */
export function startWorker(name: string, parentUrl: string, options: WorkerOptions): Worker {
  const file = new URL(`./${name}${extname(parentUrl)}`, parentUrl)
  if (extname(parentUrl) !== '.ts') return new Worker(file, options)
  const boot = `
    import { register } from ${JSON.stringify(import.meta.resolve('tsx/esm/api'))}
    register()
    await import(${JSON.stringify(file.href)})`
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(boot)}`), options)
}
