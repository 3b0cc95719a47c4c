import { setTimeout as sleep } from 'node:timers/promises'
import { AgentError, complaintOf } from './error.ts'
import type { Logger } from './log.ts'

/** Longest time that one step of taking down may take; the outbox has a bound of its own. */
const STEP_LIMIT_MS = 10_000

/** Steps of taking down, each done whatever became of the ones before it. */
export class TakingDown {
  readonly #log: Logger
  readonly #failed: string[] = []

  constructor(log: Logger) {
    this.#log = log
  }

  /** Does a step, for at most `limitMs`. Never throws. */
  async step(
    name: string,
    step: () => unknown | Promise<unknown>,
    limitMs = STEP_LIMIT_MS,
  ): Promise<void> {
    try {
      await within(limitMs, name, step())
    } catch (error) {
      this.#failed.push(name)
      this.#log.error({ step: name, ...complaintOf(error) }, `could not take down: ${name}`)
    }
  }

  /** Throws `STOP_FAILED` where any step did not succeed. */
  finish(): void {
    if (this.#failed.length === 0) return
    throw new AgentError('STOP_FAILED', `Not all was taken down: ${this.#failed.join(', ')}.`, {
      hint: 'What was committed is safe. The log has the cause; please report it.',
    })
  }
}

/** What `work` gives, or `STOP_TIMEOUT` after `limitMs`. */
export async function within<T>(limitMs: number, name: string, work: T | Promise<T>): Promise<T> {
  const late = new AbortController()
  try {
    return await Promise.race([
      work,
      sleep(limitMs, undefined, { signal: late.signal }).then(() => {
        throw new AgentError('STOP_TIMEOUT', `${name} did not end within ${limitMs} ms`)
      }),
    ])
  } finally {
    late.abort()
  }
}
