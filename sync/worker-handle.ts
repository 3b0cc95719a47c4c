import type { Worker } from 'node:worker_threads'
import { SyncError, type SyncErrorCode } from './errors.ts'
import type { FromWorker, ToWorker, WorkerConfig } from './messages.ts'
import { startWorker } from './start-worker.ts'
import type { Complaint, SyncStatus } from './status.ts'

/** One life of the sync thread, from its start to its end. */
export class SyncWorker {
  readonly #worker: Worker
  /** Resolves once the outbox is open, or is in a state that passes; else rejects. */
  readonly started: Promise<SyncStatus>
  #over = false
  #closed: ((status: SyncStatus | undefined) => void) | undefined

  constructor(config: WorkerConfig) {
    this.#worker = startWorker('sync-worker', import.meta.url, { workerData: config, name: 'sync' })
    this.started = new Promise<SyncStatus>((resolve, reject) => {
      this.#onEnd(reject)
      const first = (message: FromWorker) => {
        if (message.kind === 'started') resolve(message.status)
        else if (message.kind === 'refused') reject(asError(message.error))
        else return
        this.#worker.off('message', first)
        this.#worker.removeAllListeners('error').removeAllListeners('exit')
        // What ends between here and `listen` must not bring the process down.
        this.#worker.on('error', () => undefined)
      }
      this.#worker.on('message', first)
    })
  }

  /** `died`: the thread ended though nobody had asked it to; called once. */
  listen(received: (message: FromWorker) => void, died: (error: Error) => void): void {
    this.#worker.on('message', (message: FromWorker) => {
      if (message.kind === 'closed') this.#end(message.status)
      else received(message)
    })
    this.#onEnd((error) => {
      if (this.#over) return
      this.#end(undefined)
      died(error)
    })
  }

  post(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    if (!this.#over) this.#worker.postMessage(message, transfer)
  }

  /** Asks the thread to end, and ends it after so long; answers its last words, if there were any. */
  async close(handoverMs: number, timeoutMs: number): Promise<SyncStatus | undefined> {
    let timer: NodeJS.Timeout | undefined
    const last = await new Promise<SyncStatus | undefined>((resolve) => {
      this.#closed = resolve
      timer = setTimeout(() => resolve(undefined), timeoutMs)
      this.post({ kind: 'close', handoverMs })
    })
    clearTimeout(timer)
    this.#over = true
    await this.#worker.terminate()
    return last
  }

  #end(status: SyncStatus | undefined): void {
    this.#over = true
    this.#closed?.(status)
  }

  #onEnd(ended: (error: Error) => void): void {
    this.#worker.on('error', (error) => ended(asError(error)))
    this.#worker.on('exit', (code) => ended(new Error(`the sync thread ended with code ${code}`)))
  }
}

/** Turns what came from the thread back into an error; classes do not cross threads. */
export function asError(error: unknown): Error {
  const { code, message, hint } = error as Partial<Complaint>
  if (!code || code === 'INTERNAL') return error instanceof Error ? error : new Error(message)
  return new SyncError(code as SyncErrorCode, message ?? code, { hint })
}
