import { counted, formatCount, formatSpan } from './output.ts'

/** What takes longer than this tells how far it is. */
const PROGRESS_AFTER_MS = 2000
const PROGRESS_EVERY_MS = 500

/** Writes lines of progress to stderr: one line that changes on a terminal, a line each elsewhere. */
export class Progress {
  #startMs = performance.now()
  #nextMs = PROGRESS_AFTER_MS
  #shown = false

  tell(text: (passedMs: number) => string): void {
    const passedMs = performance.now() - this.#startMs
    if (passedMs < this.#nextMs) return
    const terminal = process.stderr.isTTY
    this.#nextMs = passedMs + (terminal ? PROGRESS_EVERY_MS : 10 * PROGRESS_EVERY_MS)
    process.stderr.write(terminal ? `\r\x1b[K${text(passedMs)}` : `${text(passedMs)}\n`)
    this.#shown = terminal
  }

  /** Time is counted anew, for a part with an end of its own. */
  restart(): void {
    this.#startMs = performance.now()
    this.#nextMs = 0
  }

  end(): void {
    if (this.#shown) process.stderr.write('\r\x1b[K')
  }
}

/** How far something is: `1,200 frames  400/s  25 %  9 s left`; without a known end the first two. */
export function paceText(count: number, one: string, passedMs: number, part?: number): string {
  const parts = [counted(count, one), `${formatCount(count / (passedMs / 1000))}/s`]
  if (part !== undefined && part > 0) {
    parts.push(`${Math.floor(part * 100)} %`, `${formatSpan((passedMs / part) * (1 - part))} left`)
  }
  return parts.join('  ')
}
