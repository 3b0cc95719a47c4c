import { setTimeout as sleep } from 'node:timers/promises'
import type { FrameBatch } from '../frame.ts'
import { formatCandump } from './format.ts'
import type { BusNames } from './interfaces.ts'
import type { RollingLog } from './rolling-log.ts'

/** Text that waits for the disk at most; frames beyond are dropped and counted. */
const MAX_WAITING_CHARS = 16 * 1024 * 1024
/** So much is written without waiting for more. */
const WRITE_CHARS = 256 * 1024
/** How long after a failed write the next is tried. */
const RETRY_MS = 1000
/** Direction of every line: it marks a line as whole, see `CandumpFormat`. */
const WHOLE = ' R\n'

/**
 * Writes frames of any sensors to a rolling log in candump's format. `frames` never waits for the
 * disk: lines are handed to it every `flushEveryMs`, which is what a kill can take.
 */
export class FrameRecorder {
  /** Frames that are in the log. */
  recorded = 0
  /** Frames lost because the disk was too slow, or refused to write. */
  dropped = 0
  /** Why the last write failed; undefined while all is well. */
  error: Error | undefined

  readonly #log: RollingLog
  readonly #names: Pick<BusNames, 'nameOf'>
  readonly #flushEveryMs: number
  #text = ''
  #frames = 0
  #wake: (() => void) | undefined
  #closing = false
  readonly #done: Promise<void>

  constructor(log: RollingLog, names: Pick<BusNames, 'nameOf'>, flushEveryMs = 200) {
    this.#log = log
    this.#names = names
    this.#flushEveryMs = flushEveryMs
    this.#done = this.#run()
  }

  /** Takes the frames; the batch may be refilled at once. */
  frames(batch: FrameBatch): void {
    if (this.#text.length > MAX_WAITING_CHARS) {
      this.dropped += batch.count
      return
    }
    let text = ''
    for (let i = 0; i < batch.count; i++) text += formatCandump(batch, i, this.#names) + WHOLE
    this.#text += text
    this.#frames += batch.count
    if (this.#text.length > WRITE_CHARS) this.#wake?.()
  }

  /** Writes what is left and closes the log. */
  async close(): Promise<void> {
    this.#closing = true
    this.#wake?.()
    await this.#done
    await this.#log.close()
  }

  async #run(): Promise<void> {
    while (!this.#closing || this.#frames > 0) {
      if (this.#frames === 0 || this.#text.length < WRITE_CHARS) await this.#pause()
      const [text, frames] = [this.#text, this.#frames]
      this.#text = ''
      this.#frames = 0
      if (frames > 0) await this.#write(text, frames)
    }
  }

  async #write(text: string, frames: number): Promise<void> {
    try {
      await this.#log.write(Buffer.from(text, 'latin1'))
      this.recorded += frames
      this.error = undefined
    } catch (error) {
      this.error = error as Error
      this.dropped += frames
      if (!this.#closing) await sleep(RETRY_MS)
    }
  }

  async #pause(): Promise<void> {
    if (this.#closing) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      timer = setTimeout(resolve, this.#flushEveryMs)
    })
    clearTimeout(timer)
    this.#wake = undefined
  }
}
