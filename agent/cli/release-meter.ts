import { formatBytes, formatSpan } from './output.ts'

/** What is over before a person wonders needs no meter. */
const SILENT_MS = 2_000
const EVERY_MS = 250

/** Bytes that moved, with rate and time left, at the foot of a terminal. */
export class ByteMeter {
  readonly #startMs = performance.now()
  #shownMs = 0
  #visible = false

  show({ file, bytes, totalBytes }: { file: string; bytes: number; totalBytes: number }): void {
    const nowMs = performance.now()
    const elapsedMs = nowMs - this.#startMs
    if (!process.stderr.isTTY || elapsedMs < SILENT_MS || nowMs - this.#shownMs < EVERY_MS) return
    this.#shownMs = nowMs
    this.#visible = true
    const rate = bytes / (elapsedMs / 1000)
    const left = rate > 0 ? `${formatSpan(((totalBytes - bytes) / rate) * 1000)} left` : ''
    const parts = [
      file,
      `${formatBytes(bytes)} of ${formatBytes(totalBytes)}`,
      `${formatBytes(rate)}/s`,
      left,
    ]
    process.stderr.write(`\r\u001b[2K${parts.join('  ')}`)
  }

  clear(): void {
    if (this.#visible) process.stderr.write('\r\u001b[2K')
    this.#visible = false
  }
}
