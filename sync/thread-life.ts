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
  /** Resolves once the thread can do its work; rejects with what it was refused for. */
  readonly started: Promise<Status>
  #over = false
  #last: Status | undefined
  #closed: (() => void) | undefined
  #received: ((message: From) => void) | undefined
  #died: ((error: Error) => void) | undefined
  /**
   * What came before `listen`. A thread that starts, speaks and ends while this one is busy is told of
   * in one go, before anybody who waits for `started` gets a turn.
   */
  readonly #early: From[] = []
  #earlyDeath: Error | undefined

  constructor({ module, beside, name, data }: ThreadSpec) {
    this.#worker = startWorker(module, beside, { workerData: data, name })
    this.started = new Promise<Status>((resolve, reject) => {
      this.#worker.on('message', (message: From | ThreadWord<Status>) => {
        const word = message as ThreadWord<Status>
        if (word.kind === 'started') resolve(word.status)
        else if (word.kind === 'refused') reject(asError(word.error))
        else if (word.kind === 'closed') this.#end(word.status)
        else if (this.#received) this.#received(message as From)
        else this.#early.push(message as From)
      })
      const ended = (error: Error) => {
        reject(error)
        this.#dead(error)
      }
      this.#worker.on('error', (error) => ended(asError(error)))
      this.#worker.on('exit', (code) => {
        ended(new Error(`the ${name} thread ended with code ${code}`))
      })
    })
  }

  /** `died`: the thread ended though nobody had asked it to; called once. */
  listen(received: (message: From) => void, died: (error: Error) => void): void {
    this.#received = received
    this.#died = died
    for (const message of this.#early.splice(0)) received(message)
    if (this.#earlyDeath) died(this.#earlyDeath)
  }

  post(message: To, transfer: ArrayBuffer[] = []): void {
    if (!this.#over) this.#worker.postMessage(message, transfer)
  }

  /** Asks the thread to end, and ends it after so long; answers its last words, if there were any. */
  async close(word: To, timeoutMs: number): Promise<Status | undefined> {
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#closed = resolve
      timer = setTimeout(resolve, timeoutMs)
      this.started.catch(() => resolve())
      if (this.#over) resolve()
      else this.post(word)
    })
    clearTimeout(timer)
    this.#over = true
    await this.#worker.terminate()
    return this.#last
  }

  #end(status: Status | undefined): void {
    this.#over = true
    this.#last = status
    this.#closed?.()
  }

  #dead(error: Error): void {
    if (this.#over) return
    this.#end(undefined)
    if (this.#died) this.#died(error)
    else this.#earlyDeath = error
  }
}

/** Turns what came from the thread back into an error; classes do not cross threads. */
export function asError(error: unknown): Error {
  const { code, message, hint } = error as Partial<Complaint>
  if (!code || code === 'INTERNAL') return error instanceof Error ? error : new Error(message)
  return new SyncError(code as SyncErrorCode, message ?? code, { hint })
}
