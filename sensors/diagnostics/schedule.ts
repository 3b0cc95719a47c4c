/** What is asked again and again, and how often. */
export interface Job<T> {
  readonly what: T
  readonly periodUs: number
}

interface Entry<T> extends Job<T> {
  dueUs: number
  asked: boolean
  /** From one time to the next: its period, or less where it was not answered. */
  waitUs: number
  /** The next `waitUs`, where it is not answered. */
  retryUs: number
}

export interface ScheduleOptions {
  /** Least time between an answer and the next question. */
  readonly minGapMs?: number
  /** Share of the time in which an ECU may be kept busy with answers, 0 to 1. */
  readonly load?: number
}

/** A silent ECU is asked no more often than this in the end. */
const MAX_GAP_US = 5_000_000
/**
 * What comes once an hour and is not answered is asked again after a second, then after two, and so on:
 * an answer that was lost once is not missed for an hour.
 */
const FIRST_RETRY_US = 1_000_000
/** Weight of the newest answer in the average time that answers take. */
const NEWEST = 0.2

/**
 * Decides what is asked next, one question at a time, so that a slow ECU is not flooded: after each
 * answer it rests in proportion to the time that its answers take, and after each question that was
 * not answered twice as long as before. Where there is more to ask than time, everything gets rarer
 * in the same measure. Pure: time is handed in.
 */
export class Schedule<T> {
  readonly #entries: Entry<T>[]
  readonly #minGapUs: number
  readonly #load: number
  #readyUs = Number.NEGATIVE_INFINITY
  #tookUs = 0
  #penaltyUs = 0

  constructor(jobs: readonly Job<T>[], nowUs: number, options: ScheduleOptions = {}) {
    this.#entries = jobs.map((job) => ({
      ...{ ...job, dueUs: nowUs, asked: false, waitUs: job.periodUs, retryUs: FIRST_RETRY_US },
    }))
    this.#minGapUs = (options.minGapMs ?? 5) * 1000
    this.#load = Math.min(1, Math.max(0.01, options.load ?? 0.5))
  }

  get size(): number {
    return this.#entries.length
  }

  /** How long an answer takes, an average. */
  get answerUs(): number {
    return this.#tookUs
  }

  /** When the ECU has rested enough for another question. */
  get readyUs(): number {
    return this.#readyUs
  }

  /** The question to be asked next and the time for it; undefined where there is none. */
  next(nowUs: number): { what: T; atUs: number } | undefined {
    let best: Entry<T> | undefined
    // Of those that are late, the one that waits longest by its own measure; else the earliest.
    for (const entry of this.#entries) {
      if (!best || urgency(entry, nowUs) > urgency(best, nowUs)) best = entry
    }
    return best && { what: best.what, atUs: Math.max(best.dueUs, this.#readyUs) }
  }

  /** Tells how asking went: when it began, and whether an answer came. */
  asked(what: T, beganUs: number, nowUs: number, answered: boolean): void {
    const entry = this.#entries.find((e) => e.what === what)
    // From when it was asked, not from when it was due: what was missed is not made up for.
    if (entry) {
      entry.waitUs = answered ? entry.periodUs : Math.min(entry.periodUs, entry.retryUs)
      entry.dueUs = Math.max(entry.dueUs + entry.waitUs, beganUs)
      entry.retryUs = answered ? FIRST_RETRY_US : 2 * entry.waitUs
      entry.asked = true
    }
    if (answered) {
      const tookUs = Math.max(0, nowUs - beganUs)
      this.#tookUs = this.#tookUs === 0 ? tookUs : this.#tookUs + NEWEST * (tookUs - this.#tookUs)
      this.#penaltyUs = 0
    } else {
      this.#penaltyUs = Math.min(MAX_GAP_US, Math.max(2 * this.#penaltyUs, 2 * this.#minGapUs))
    }
    const restUs = this.#tookUs * (1 / this.#load - 1)
    this.#readyUs = nowUs + Math.min(MAX_GAP_US, Math.max(this.#minGapUs, restUs, this.#penaltyUs))
  }

  /** What the ECU does not have is not asked again. */
  remove(what: T): void {
    const at = this.#entries.findIndex((entry) => entry.what === what)
    if (at >= 0) this.#entries.splice(at, 1)
  }
}

/**
 * Lateness in its own measure where it is late, else less than zero by the time until it is due. What was
 * never asked goes first: what comes once an hour would else stand behind what comes ten times a second.
 */
function urgency({ dueUs, waitUs, asked }: Entry<unknown>, nowUs: number): number {
  if (!asked) return Number.POSITIVE_INFINITY
  const lateUs = nowUs - dueUs
  return lateUs >= 0 ? lateUs / waitUs : lateUs
}
