import type { Bundle } from '../bundle/load.ts'
import { checkGolden, type OpenNetwork } from '../runtime/open.ts'
import type { TrialLimits } from './limits.ts'

/** Rows before shares are judged: of three rows one is a third. */
const FEWEST_ROWS = 20
/** Rows that may be slow on top of the share: code that runs first is not compiled yet. */
const COLD_ROWS = 5

export type Verdict =
  | { readonly is: 'going' }
  | { readonly is: 'good' }
  | {
      readonly is: 'bad'
      readonly cause: 'golden' | 'errors' | 'nan' | 'latency' | 'memory'
      readonly reason: string
    }

/** Judges a bundle at work. It only counts; who runs the model tells it what happened. */
export class Trial {
  readonly #bundle: Bundle
  readonly #open: OpenNetwork
  readonly #limits: TrialLimits
  readonly #from: { readonly rows: number; readonly ms: number }
  readonly #monoUs: () => number
  readonly #memoryBytes: () => number
  readonly #beganUs: number
  readonly #memoryAtFirst: number
  #scored = 0
  #invalid = 0
  #slow = 0
  #errors = 0
  #lastError = ''

  /** @param from what it has shown before a clean stop of the agent */
  constructor(
    bundle: Bundle,
    open: OpenNetwork,
    limits: TrialLimits,
    machine: { monoUs(): number; memoryBytes(): number },
    from: { rows: number; ms: number } = { rows: 0, ms: 0 },
  ) {
    this.#bundle = bundle
    this.#open = open
    this.#limits = limits
    this.#from = from
    this.#monoUs = () => machine.monoUs()
    this.#memoryBytes = () => machine.memoryBytes()
    this.#beganUs = machine.monoUs()
    this.#memoryAtFirst = machine.memoryBytes()
  }

  scored(latencyUs: number): void {
    this.#scored++
    if (latencyUs > this.#bundle.manifest.limits.latencyUs) this.#slow++
  }

  /** The network gave no finite score. */
  invalid(count = 1): void {
    this.#invalid += count
  }

  threw(error: unknown): void {
    this.#errors++
    this.#lastError = error instanceof Error ? error.message : String(error)
  }

  /** What it has shown so far, to go on from after a clean stop. */
  get shown(): { rows: number; ms: number } {
    const ms = (this.#monoUs() - this.#beganUs) / 1000
    return { rows: this.#from.rows + this.#scored, ms: Math.round(this.#from.ms + ms) }
  }

  /** Looks at all that was counted; to be called now and then. */
  judge(): Verdict {
    const { minRows, minMs, maxInvalidShare, maxSlowShare, maxErrors } = this.#limits
    const bad = (cause: Extract<Verdict, { is: 'bad' }>['cause'], reason: string): Verdict => ({
      is: 'bad',
      cause,
      reason,
    })
    if (this.#errors > maxErrors) {
      return bad('errors', `it threw at ${this.#errors} rows, last: ${this.#lastError}`)
    }
    const seen = this.#scored + this.#invalid
    if (seen >= FEWEST_ROWS) {
      if (this.#invalid > maxInvalidShare * seen) {
        return bad('nan', `no number for ${this.#invalid} of ${seen} rows`)
      }
      if (this.#slow > COLD_ROWS + maxSlowShare * seen) {
        const { latencyUs } = this.#bundle.manifest.limits
        return bad('latency', `${this.#slow} of ${seen} rows took longer than ${latencyUs} µs`)
      }
    }
    const grown = this.#memoryBytes() - this.#memoryAtFirst
    if (grown > this.#limits.maxMemoryGrowthBytes) {
      return bad('memory', `the process grew by ${Math.round(grown / 2 ** 20)} MiB`)
    }
    const { rows, ms } = this.shown
    if (rows < minRows || ms < minMs || seen < Math.min(FEWEST_ROWS, minRows))
      return { is: 'going' }
    // Once more at the end: a network that keeps state, or whose memory was overwritten, shows here.
    try {
      checkGolden(this.#bundle, this.#open.network, this.#open.runtime)
    } catch (error) {
      return bad('golden', (error as Error).message)
    }
    return { is: 'good' }
  }
}
