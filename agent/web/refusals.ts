import type { Logger } from '../log.ts'
import type { Refusal } from './guard.ts'

/** A cause is logged at most so often, however many requests it refuses. */
const LOG_EVERY_MS = 10_000

/** Counts what was refused by its cause, and logs it without letting the caller fill the log. */
export class Refusals {
  readonly #log: Logger
  readonly #counts = new Map<Refusal, number>()
  readonly #loggedMs = new Map<Refusal, number>()

  constructor(log: Logger) {
    this.#log = log
  }

  /** @param remote address of the caller; nothing else that it sent is logged */
  count(cause: Refusal, remote: string | undefined): void {
    const count = (this.#counts.get(cause) ?? 0) + 1
    this.#counts.set(cause, count)
    const now = performance.now()
    if (now - (this.#loggedMs.get(cause) ?? Number.NEGATIVE_INFINITY) < LOG_EVERY_MS) return
    this.#loggedMs.set(cause, now)
    this.#log.warn({ cause, remote, count }, `web: refused a request (${cause})`)
  }

  status(): Partial<Record<Refusal, number>> {
    return Object.fromEntries(this.#counts)
  }
}
