import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { ReceiveWorkerData } from './receive-worker.ts'

/**
 * Starts the thread that reads a socket. Built code runs as it is; in development a thread of
 * Node.js 20 knows nothing of the process's tsx, and has to register it itself.
 */
export function startReceiver(workerData: ReceiveWorkerData): Worker {
  const extension = extname(import.meta.url)
  const file = new URL(`./receive-worker${extension}`, import.meta.url)
  if (extension !== '.ts') return new Worker(file, { workerData })
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'))
  const source = `import(${tsx}).then((tsx) => { tsx.register(); return import('${file.href}') })`
  return new Worker(source, { eval: true, workerData })
}
