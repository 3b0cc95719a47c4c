import { type Complaint, complaintOf } from './error.ts'
import type { Logger } from './log.ts'

/** Told of an error that was caught, and whose it is: `campaign drive`, `model engine`. */
export type Caught = (cause: string, error: unknown) => void

/** What `status` says of one part that threw where nothing may throw. */
export interface FaultStatus {
  readonly cause: string
  readonly count: number
  readonly lastError: Complaint
}

/** Most causes told apart; what comes beyond is counted as `other`. */
const MAX_CAUSES = 256

/**
 * Keeps an error of one part (a campaign, a model, the decoder, a listener, a timer) from the others
 * and from the process: it is counted under the part's name and logged the first time.
 */
export class Fence {
  readonly #faults = new Map<string, FaultStatus>()
  readonly #log: Logger

  constructor(log: Logger) {
    this.#log = log
  }

  readonly caught: Caught = (named, error) => {
    const known = this.#faults.has(named) || this.#faults.size < MAX_CAUSES
    const cause = known ? named : 'other'
    const before = this.#faults.get(cause)
    this.#faults.set(cause, {
      cause,
      count: (before?.count ?? 0) + 1,
      lastError: complaintOf(error),
    })
    if (!before) {
      this.#log.error(
        { cause, err: error },
        `${cause} failed; it is counted from now on, not logged`,
      )
    }
  }

  /** Does one step of the part called `cause`. */
  run(cause: string, step: () => void): void {
    try {
      step()
    } catch (error) {
      this.caught(cause, error)
    }
  }

  status(): FaultStatus[] {
    return [...this.#faults.values()]
  }
}
