import type { Worker } from 'node:worker_threads'
import { SyncError, type SyncErrorCode } from './errors.ts'
import { startWorker } from './start-worker.ts'
import type { Complaint } from './status.ts'

/** Which module a thread runs, beside whose file it lies, and what it is started with. */
export interface ThreadSpec {
  readonly module: string
  readonly beside: string
  /** For a debugger, and in messages: "the … thread". */
  readonly name: string
  readonly data: unknown
}

/** What every thread of this room says: first one of the first two, and at its end the last. */
export type ThreadWord<Status> =
  | { readonly kind: 'started'; readonly status: Status }
  | { readonly kind: 'refused'; readonly error: Complaint }
  | { readonly kind: 'closed'; readonly status?: Status }

/** One life of a thread, from its start to its end. */
export class ThreadLife<Status, From extends { readonly kind: string }, To> {
  readonly #worker: Worker
  readonly #name: string
  /** Resolves once the thread can do its work; rejects with what it was refused for. */
  readonly started: Promise<Status>
  #over = false
  #closed: ((status: Status | undefined) => void) | undefined

  constructor({ module, beside, name, data }: ThreadSpec) {
    this.#name = name
    this.#worker = startWorker(module, beside, { workerData: data, name })
    this.started = new Promise<Status>((resolve, reject) => {
      this.#onEnd(reject)
      const first = (message: ThreadWord<Status>) => {
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
  listen(received: (message: From) => void, died: (error: Error) => void): void {
    this.#worker.on('message', (message: From | ThreadWord<Status>) => {
      if (message.kind === 'closed') this.#end((message as { status?: Status }).status)
      else received(message as From)
    })
    this.#onEnd((error) => {
      if (this.#over) return
      this.#end(undefined)
      died(error)
    })
  }

  post(message: To, transfer: ArrayBuffer[] = []): void {
    if (!this.#over) this.#worker.postMessage(message, transfer)
  }

  /** Asks the thread to end, and ends it after so long; answers its last words, if there were any. */
  async close(word: To, timeoutMs: number): Promise<Status | undefined> {
    let timer: NodeJS.Timeout | undefined
    const last = await new Promise<Status | undefined>((resolve) => {
      this.#closed = resolve
      timer = setTimeout(() => resolve(undefined), timeoutMs)
      this.started.catch(() => resolve(undefined))
      this.post(word)
    })
    clearTimeout(timer)
    this.#over = true
    await this.#worker.terminate()
    return last
  }

  #end(status: Status | undefined): void {
    this.#over = true
    this.#closed?.(status)
  }

  #onEnd(ended: (error: Error) => void): void {
    this.#worker.on('error', (error) => ended(asError(error)))
    this.#worker.on('exit', (code) => {
      ended(new Error(`the ${this.#name} thread ended with code ${code}`))
    })
  }
}

/** Turns what came from the thread back into an error; classes do not cross threads. */
export function asError(error: unknown): Error {
  const { code, message, hint } = error as Partial<Complaint>
  if (!code || code === 'INTERNAL') return error instanceof Error ? error : new Error(message)
  return new SyncError(code as SyncErrorCode, message ?? code, { hint })
}
