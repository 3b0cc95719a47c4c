import type { SensorContext } from '../sensor.ts'
import { waitUntil } from '../wait.ts'
import type { Answer } from './client.ts'
import { type Job, Schedule, type ScheduleOptions } from './schedule.ts'

/** A question that is asked again and again. */
export interface Question {
  /** As shown to people: `01 0C`, `22 F190`, `codes`. */
  readonly name: string
  readonly everyMs: number
  /**
   * Asks, and delivers what comes.
   * @returns how the ECU took it; `absent`: it has nothing of the kind, do not ask again
   */
  ask(): Promise<Answer['kind'] | 'absent'>
}

/** CloudEvents type of the record that tells of an ECU that fell silent, and of its return. */
const ECU_EVENT = 'milepost.ecu.v1'
/** Questions in a row without an answer that make an ECU silent. */
const SILENT_AFTER = 3

/** Questions that wait to be asked once. */
const MAX_ONCE = 16
/** How often it is looked whether there is one. */
const LOOK_US = 50_000

export interface PollerStatus {
  readonly asked: number
  readonly unanswered: number
  readonly broken: number
  /** Average time of an answer. */
  readonly answerMs: number
  readonly silent: boolean
}

/** Asks one ECU its questions, one in flight, at a pace that the ECU can follow. */
export class Poller {
  /** Wall time of the last answer of any kind; the start counts as one. */
  heardMonoUs: number
  readonly ecu: string
  readonly #context: SensorContext
  readonly #schedule: Schedule<Question>
  readonly #once: Question[] = []
  readonly #questions: readonly Question[]
  #asked = 0
  #unanswered = 0
  #broken = 0
  #inRow = 0
  #silentSinceUs = 0

  constructor(
    context: SensorContext,
    ecu: string,
    questions: readonly Question[],
    options: ScheduleOptions = {},
  ) {
    this.#context = context
    this.ecu = ecu
    this.#questions = questions
    const jobs: Job<Question>[] = questions.map((what) => ({ what, periodUs: what.everyMs * 1000 }))
    const nowUs = context.clock.monoUs()
    this.#schedule = new Schedule(jobs, nowUs, options)
    this.heardMonoUs = nowUs
  }

  status(): PollerStatus {
    return {
      asked: this.#asked,
      unanswered: this.#unanswered,
      broken: this.#broken,
      answerMs: Math.round(this.#schedule.answerUs / 10) / 100,
      silent: this.#silentSinceUs > 0,
    }
  }

  /** Has a question asked once, before the others but at the same pace; false: too many wait already. */
  askOnce(question: Question): boolean {
    if (this.#once.includes(question)) return true
    if (this.#once.length >= MAX_ONCE) return false
    this.#once.push(question)
    return true
  }

  /** One of its questions by name. */
  find(name: string): Question | undefined {
    return this.#questions.find((question) => question.name === name)
  }

  /** Asks until the signal aborts. Rejects with the `SensorError` of a bus that cannot send. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#context
    while (!signal.aborted) {
      const lookedUs = clock.monoUs()
      const [once] = this.#once
      const next = once
        ? { what: once, atUs: this.#schedule.readyUs }
        : this.#schedule.next(lookedUs)
      const dueUs = next?.atUs ?? Number.POSITIVE_INFINITY
      await waitUntil(clock, Math.min(dueUs, lookedUs + LOOK_US), signal)
      if (signal.aborted) return
      if (!next || clock.monoUs() < dueUs) continue
      if (next.what === once) this.#once.shift()
      const beganUs = clock.monoUs()
      this.#asked++
      const outcome = await next.what.ask()
      if (signal.aborted) return
      const answered = outcome !== 'silent' && outcome !== 'broken'
      this.#schedule.asked(next.what, beganUs, clock.monoUs(), answered)
      if (outcome === 'absent') this.#schedule.remove(next.what)
      this.#judge(outcome, next.what)
    }
  }

  /** Keeps account of silence, and tells of its beginning and its end. */
  #judge(outcome: Answer['kind'] | 'absent', { name }: Question): void {
    const { clock } = this.#context
    if (outcome === 'silent' || outcome === 'broken') {
      this.#unanswered++
      if (outcome === 'broken') {
        this.#broken++
        this.#context.dropped('incomplete', 1)
      }
      this.#inRow++
      // An answer that broke off is told at once: data that was on its way is missing.
      if (this.#silentSinceUs > 0 || (outcome === 'silent' && this.#inRow < SILENT_AFTER)) return
      this.#silentSinceUs = clock.nowUs()
      const state = outcome === 'silent' ? 'silent' : 'stopped midway'
      this.#context.event(ECU_EVENT, { ecu: this.ecu, state, asked: name })
      return
    }
    this.heardMonoUs = clock.monoUs()
    this.#inRow = 0
    if (this.#silentSinceUs === 0) return
    const gapMs = Math.round((clock.nowUs() - this.#silentSinceUs) / 1000)
    this.#silentSinceUs = 0
    this.#context.event(ECU_EVENT, { ecu: this.ecu, state: 'answering', asked: name, gapMs })
  }
}
