import type { Worker } from 'node:worker_threads'
import { Backoff } from '../backoff.ts'
import { startWorker } from '../start-worker.ts'
import type { UplinkStatus } from '../status.ts'
import type { Positions } from '../uplink.ts'
import { asError } from '../worker-handle.ts'
import type { ForwardConfig, FromForwarder, ToForwarder } from './forward-worker.ts'

const CLOSE_TIMEOUT_MS = 5_000
const MIN_RESTART_MS = 500
const MAX_RESTART_MS = 60_000

/**
 * The forwarder in a thread of its own, with its own connection to the store: a transaction of Kafka
 * is a dozen answers to wait for, and beside an intake of thousands of messages a second each of them
 * waited for a commit to the disk. It only reads; what Kafka has is forgotten by whoever writes.
 */
export class ForwardThread {
  readonly #config: ForwardConfig
  readonly #release: (positions: Positions) => void
  readonly #backoff = new Backoff(MIN_RESTART_MS, MAX_RESTART_MS)
  #worker: Worker | undefined
  #restart: NodeJS.Timeout | undefined
  #closing = false
  #onClosed: () => void = () => {}
  #refusedBefore = 0
  #refused = 0
  lastRefusal: string | undefined
  status: UplinkStatus = {
    ...{ kind: 'kafka', state: 'connecting', sinceUs: Date.now() * 1000 },
    ...{ sentRecords: 0, sentBytes: 0, lastAckTimeUs: 0, nextRetryTimeUs: 0 },
  }

  constructor(config: ForwardConfig, release: (positions: Positions) => void) {
    this.#config = config
    this.#release = release
    this.#start()
  }

  /** Records that Kafka refused, since the start. */
  get refused(): number {
    return this.#refusedBefore + this.#refused
  }

  /** Tells that the store has more. */
  notify(): void {
    this.#post('kept')
  }

  /** Ends it in order, or after five seconds anyhow. */
  async close(): Promise<void> {
    this.#closing = true
    clearTimeout(this.#restart)
    const worker = this.#worker
    if (!worker) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#onClosed = resolve
      timer = setTimeout(resolve, CLOSE_TIMEOUT_MS)
      this.#post('close')
    })
    clearTimeout(timer)
    await worker.terminate()
  }

  #start(): void {
    this.#restart = undefined
    const worker = startWorker('forward-worker', import.meta.url, {
      workerData: this.#config,
      name: 'forward',
    })
    this.#worker = worker
    worker.on('message', (message: FromForwarder) => this.#told(message))
    worker.on('error', (error) => this.#died(error))
    worker.on('exit', (code) => this.#died(new Error(`the forwarder ended with code ${code}`)))
  }

  #told(message: FromForwarder): void {
    if (message.kind === 'release') this.#release(message.positions)
    else if (message.kind === 'closed') this.#onClosed()
    else {
      this.status = message.status
      this.#refused = message.refused
      this.lastRefusal = message.lastRefusal ?? this.lastRefusal
    }
  }

  #died(error: unknown): void {
    this.#worker = undefined
    this.#onClosed()
    if (this.#closing || this.#restart) return
    const { message } = asError(error)
    const hint = 'It is started again by itself; nothing is lost. Please report this message.'
    const sinceUs = Date.now() * 1000
    const lastError = { code: 'INTERNAL', message, hint } as const
    this.status = { ...this.status, state: 'offline', sinceUs, lastError }
    this.#refusedBefore += this.#refused
    this.#refused = 0
    this.#restart = setTimeout(() => this.#start(), this.#backoff.nextMs())
  }

  #post(message: ToForwarder): void {
    this.#worker?.postMessage(message)
  }
}
