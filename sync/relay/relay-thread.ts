import type { Worker } from 'node:worker_threads'
import { Backoff } from '../backoff.ts'
import { startWorker } from '../start-worker.ts'
import type { Complaint } from '../status.ts'
import { asError } from '../worker-handle.ts'
import type { RelayConfig } from './relay.ts'
import type { RelayStatus } from './status.ts'

export type { RelayStatus }

type FromWorker =
  | { kind: 'started' | 'status'; status: RelayStatus }
  | { kind: 'refused' | 'trouble'; error: Complaint }
  | { kind: 'closed' }

const CLOSE_TIMEOUT_MS = 10_000
const MIN_RESTART_MS = 500
const MAX_RESTART_MS = 60_000

/** A relay in a thread of its own: its commits wait for a disk, and a bus must not wait with it. */
export class RelayThread {
  readonly #config: RelayConfig
  readonly #backoff = new Backoff(MIN_RESTART_MS, MAX_RESTART_MS)
  #worker: Worker | undefined
  #status: RelayStatus
  #closing = false
  #restart: NodeJS.Timeout | undefined
  #onClosed: () => void = () => {}

  /** Rejects where the store cannot be opened. */
  static async start(config: RelayConfig): Promise<RelayThread> {
    const { worker, status } = await launch(config)
    return new RelayThread(config, worker, status)
  }

  private constructor(config: RelayConfig, worker: Worker, status: RelayStatus) {
    this.#config = config
    this.#status = status
    this.#adopt(worker)
  }

  /** At most about a second old. */
  status(): RelayStatus {
    return this.#status
  }

  /** Ends the thread in order, or after ten seconds anyhow. */
  async close(): Promise<void> {
    this.#closing = true
    clearTimeout(this.#restart)
    const worker = this.#worker
    if (!worker) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#onClosed = resolve
      timer = setTimeout(resolve, CLOSE_TIMEOUT_MS)
      worker.postMessage('close')
    })
    clearTimeout(timer)
    await worker.terminate()
  }

  #adopt(worker: Worker): void {
    this.#worker = worker
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'status') this.#status = message.status
      else if (message.kind === 'trouble') this.#trouble(message.error)
      else if (message.kind === 'closed') this.#onClosed()
    })
    worker.on('error', (error) => this.#died(error))
    worker.on('exit', (code) => this.#died(new Error(`the relay thread ended with code ${code}`)))
  }

  #died(error: unknown): void {
    this.#worker = undefined
    this.#onClosed()
    if (this.#closing || this.#restart) return
    const hint = 'The thread is started again; please report this message.'
    this.#trouble({ code: 'INTERNAL', message: asError(error).message, hint })
    this.#restart = setTimeout(() => this.#again(), this.#backoff.nextMs())
  }

  #again(): void {
    launch(this.#config).then(
      ({ worker, status }) => {
        this.#restart = undefined
        if (this.#closing) void worker.terminate()
        else {
          this.#status = status
          this.#adopt(worker)
        }
      },
      (error) => {
        this.#restart = undefined
        this.#died(error)
      },
    )
  }

  #trouble(lastError: Complaint): void {
    const timeUs = Date.now() * 1000
    this.#status = { ...this.#status, timeUs, state: 'failed', sinceUs: timeUs, lastError }
  }
}

/** Starts the thread; resolves once its store is open. */
function launch(config: RelayConfig): Promise<{ worker: Worker; status: RelayStatus }> {
  const worker = startWorker('relay-worker', import.meta.url, {
    workerData: config,
    name: 'relay',
  })
  return new Promise((resolve, reject) => {
    const ended = (error: unknown) => reject(asError(error))
    worker.once('error', ended)
    worker.once('exit', (code) => ended(new Error(`the relay thread ended with code ${code}`)))
    worker.once('message', (message: FromWorker) => {
      worker.removeAllListeners('error').removeAllListeners('exit')
      // What ends between here and the next listener must not bring the process down.
      worker.on('error', () => undefined)
      if (message.kind === 'started') resolve({ worker, status: message.status })
      else reject(asError(message.kind === 'refused' ? message.error : new Error('no relay')))
    })
  })
}
