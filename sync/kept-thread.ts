import { Backoff } from './backoff.ts'
import type { Complaint } from './status.ts'
import { asError, ThreadLife, type ThreadSpec } from './thread-life.ts'

/** Waits before a thread that ended by itself is started again. */
const MIN_RESTART_MS = 500
const MAX_RESTART_MS = 60_000

export interface ThreadEvents<Status, From> {
  received(message: From): void
  /** It ended though nobody had asked it to, or could not be started again. */
  died(error: Error): void
  /** It was started again, and can do its work. */
  again?(status: Status): void
}

/** A thread that is started again, after a while, as often as it ends by itself. */
export class KeptThread<Status, From extends { readonly kind: string }, To> {
  /** Of the first life. Where it rejects before `listen`, there is no second one. */
  readonly started: Promise<Status>
  readonly #spec: ThreadSpec
  readonly #backoff = new Backoff(MIN_RESTART_MS, MAX_RESTART_MS)
  #events: ThreadEvents<Status, From> | undefined
  #life: ThreadLife<Status, From, To> | undefined
  /** The next life, until it can do its work. */
  #next: ThreadLife<Status, From, To> | undefined
  #restart: NodeJS.Timeout | undefined
  #closing = false

  constructor(spec: ThreadSpec) {
    this.#spec = spec
    this.#life = new ThreadLife(spec)
    this.started = this.#life.started
    this.started.catch(() => {})
  }

  /** From now on it is kept alive. */
  listen(events: ThreadEvents<Status, From>): void {
    this.#events = events
    const life = this.#life!
    life.started.then(
      () => this.#adopt(life),
      (error) => this.#died(asError(error)),
    )
  }

  /** There is a thread to post to. */
  get alive(): boolean {
    return this.#life !== undefined
  }

  /** Lost where there is none. */
  post(message: To, transfer?: ArrayBuffer[]): void {
    this.#life?.post(message, transfer)
  }

  /** It does its work: should it end, it is started again soon. */
  well(): void {
    this.#backoff.reset()
  }

  /** Asks it to end, and ends it after so long; answers its last words, if there were any. */
  async close(word: To, timeoutMs: number): Promise<Status | undefined> {
    this.#closing = true
    clearTimeout(this.#restart)
    return (this.#life ?? this.#next)?.close(word, timeoutMs)
  }

  #adopt(life: ThreadLife<Status, From, To>): void {
    this.#life = life
    this.#next = undefined
    life.listen(
      (message) => this.#events?.received(message),
      (error) => this.#died(error),
    )
  }

  #died(error: Error): void {
    this.#life = undefined
    this.#events?.died(error)
    if (!this.#closing) this.#restart = setTimeout(() => this.#again(), this.#backoff.nextMs())
  }

  #again(): void {
    const life = new ThreadLife<Status, From, To>(this.#spec)
    this.#next = life
    life.started.then(
      (status) => {
        this.#adopt(life)
        if (!this.#closing) this.#events?.again?.(status)
      },
      (error) => {
        this.#next = undefined
        if (!this.#closing) this.#died(asError(error))
      },
    )
  }
}

/** How the end of a thread is shown. */
export function complaintOfDeath({ message }: Error): Complaint {
  const hint = 'The thread is started again; please report this message.'
  return { code: 'INTERNAL', message, hint }
}
