import { formatCount, formatSpan, paint } from '../cli/output.ts'
import type { FleetOptions, FleetProgress } from './fleet.ts'
import type { FleetReport } from './report.ts'

/** Where nobody watches a terminal, a line only so often. */
const PLAIN_EVERY_MS = 5_000
/** The rate that is shown is that of the last few seconds. */
const RATE_SEC = 5
/** Of a report: the busiest. */
const THREADS = 6

/** What a person watches: steps that stay, and one line that is drawn over itself. */
export class FleetScreen {
  readonly #out = process.stderr
  readonly #quiet: boolean
  readonly #startMs = Date.now()
  #past: { seconds: number; confirmed: number; forwarded: number }[] = []
  #plainMs = 0
  #drawn = false

  /** @param quiet a program reads the outcome: nothing is shown on the way */
  constructor(quiet: boolean) {
    this.#quiet = quiet
  }

  step(text: string): void {
    if (this.#quiet) return
    this.clear()
    const seconds = String(Math.round((Date.now() - this.#startMs) / 1000)).padStart(4)
    this.#out.write(`${paint('dim', `${seconds} s`, this.#out)}  ${text}\n`)
  }

  show(text: string): void {
    if (this.#quiet) return
    if (this.#out.isTTY) {
      this.#out.write(`\r\u001b[K${text.slice(0, (this.#out.columns ?? 100) - 1)}`)
      this.#drawn = true
    } else if (Date.now() - this.#plainMs >= PLAIN_EVERY_MS) {
      this.#plainMs = Date.now()
      this.#out.write(`${text}\n`)
    }
  }

  progress(progress: FleetProgress, { vehicles, records }: FleetOptions): void {
    const { seconds, forwarded, waiting, relayState } = progress
    const { confirmed } = progress.clients
    this.#past.push({ seconds, confirmed, forwarded })
    this.#past = this.#past.filter((past) => past.seconds >= seconds - RATE_SEC)
    const first = this.#past[0]
    const span = Math.max(seconds - first.seconds, 0.5)
    const rate = (now: number, then: number) => `${formatCount((now - then) / span)}/s`
    const total = vehicles * records
    const left = ((total - confirmed) * span) / Math.max(1, confirmed - first.confirmed)
    this.show(
      `${((100 * confirmed) / total).toFixed(0).padStart(3)} %  confirmed ${formatCount(confirmed)} (${rate(confirmed, first.confirmed)})` +
        `  in Kafka ${formatCount(forwarded)} (${rate(forwarded, first.forwarded)})` +
        `  waiting ${formatCount(waiting)}  relay ${relayState}` +
        `${confirmed < total ? `  ${formatSpan(left * 1000)} left` : ''}`,
    )
  }

  clear(): void {
    if (this.#drawn) this.#out.write('\r\u001b[K')
    this.#drawn = false
  }

  report(report: FleetReport): string {
    const { cpuUs, busy, ceilingPerSec, tieredSegments, balanced } = report
    const good = paint(balanced ? 'green' : 'red', balanced ? '✓' : '✗', process.stdout)
    const parts = Object.entries(cpuUs).map(([part, us]) => `${part} ${us.toFixed(1)}`)
    const percent = (share: number) => `${Math.round(share * 100)} %`
    const shares = `these parts ${percent(busy)}, other programs ${percent(report.others)}, idle ${percent(report.idle)}, idle and waiting for a disk ${percent(report.disk)}`
    const threads = report.threads
      .slice(0, THREADS)
      .map(({ thread, ran, waited }) => `${thread} ${percent(ran)} + ${percent(waited)}`)
    const tier =
      tieredSegments === undefined ? '' : `, ${tieredSegments} segments in the object store`
    return `${[
      `${report.machine}`,
      `${formatCount(report.vehicles)} vehicles on ${formatCount(report.connections)} connections, ${formatCount(report.askedPerSec)} records/s asked for, relay killed ${report.killed} times`,
      `confirmed to the vehicles   ${formatCount(report.confirmedPerSec)} records/s   (each after ${report.confirmP50Ms} ms, p99 ${report.confirmP99Ms} ms)`,
      `in Kafka                    ${formatCount(report.forwardedPerSec)} records/s${tier}`,
      `processor time, µs/record   ${parts.join(', ')}`,
      `at that price this machine could do ${formatCount(ceilingPerSec)} records/s; these parts had ${percent(busy)} of its processors`,
      `all processors              ${shares}`,
      `threads, busy and waiting   ${threads.join(', ')}`,
      `the limit was ${report.named}`,
      `${good} account: ${formatCount(report.inKafka)} of ${formatCount(report.records)} records, missing ${report.missing}, duplicated ${report.duplicated}, out of order ${report.outOfOrder}; ${formatCount(report.wentBack)} times a vehicle sent again`,
    ].join('\n')}\n`
  }
}
