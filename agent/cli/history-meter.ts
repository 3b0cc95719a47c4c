import { type HistoryProgress, type HistoryRange, heldOf } from '../../sync/kafka/history.ts'
import { heldText } from '../training/held.ts'
import { counted, formatBytes, formatCount } from './output.ts'
import { paceText } from './progress.ts'

/** A short reading is over before a person wonders. */
const SILENT_MS = 2_000
const EVERY_MS = 250

export interface HistorySummary {
  readonly topic: string
  readonly records: number
  /** Of payload. */
  readonly bytes: number
  readonly ranges: readonly HistoryRange[]
  /** Of a range by times: records in it that carry none. */
  readonly untimed?: number
}

/** Progress at the foot of the terminal, and the last word. */
export class HistoryMeter {
  readonly #startMs = performance.now()
  #shownMs = 0
  #visible = false

  show({ records, doneOffsets, totalOffsets }: HistoryProgress): void {
    const nowMs = performance.now()
    const elapsedMs = nowMs - this.#startMs
    if (!process.stderr.isTTY || elapsedMs < SILENT_MS || nowMs - this.#shownMs < EVERY_MS) return
    this.#shownMs = nowMs
    this.#visible = true
    const part = totalOffsets ? doneOffsets / totalOffsets : 1
    process.stderr.write(`\r\u001b[2K${paceText(records, 'record', elapsedMs, part)}`)
  }

  clear(): void {
    if (this.#visible) process.stderr.write('\r\u001b[2K')
    this.#visible = false
  }

  summary({ topic, records, bytes, ranges, untimed }: HistorySummary, json = false): string {
    const seconds = (performance.now() - this.#startMs) / 1000
    const recordsPerS = Math.round(records / seconds)
    if (json) {
      return `${JSON.stringify({ topic, records, bytes, seconds, recordsPerS, ranges, untimed })}\n`
    }
    const offsets = ranges.reduce((sum, { from, to }) => sum + to - from, 0)
    const held = heldText(heldOf(ranges))
    return (
      `${counted(records, 'record')}, ${formatBytes(bytes)}, from ${counted(offsets, 'offset')} ` +
      `in ${counted(ranges.length, 'partition')} of ${topic}, in ${seconds.toFixed(1)} s ` +
      `(${formatCount(recordsPerS)}/s)\n${held ? `${held}.\n` : ''}${untimedLine(records, untimed)}`
    )
  }
}

/** What a range by times leaves open. */
function untimedLine(records: number, untimed: number | undefined): string {
  if (untimed === undefined || (untimed === 0 && records > 0)) return ''
  const none = 'Records whose clock nobody vouched for carry no time: offsets find them too\n'
  if (records === 0) return none
  return `${formatCount(untimed)} of them carry no time: they are in by where they lie, and others may be left out; offsets say exactly what is read\n`
}
