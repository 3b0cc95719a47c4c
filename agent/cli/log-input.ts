import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { readLog } from '../../sensors/replay/log-file.ts'

/** The bytes of CAN logs, one after the other, and how far it is with them. */
export class LogInput {
  readonly #stop: AbortSignal
  readonly #totalBytes: number | undefined
  #beforeBytes = 0
  #takenBytes = 0

  /** @param logs paths, or `-` for standard input, of which nobody knows the length */
  constructor(logs: readonly string[], stop: AbortSignal) {
    this.#stop = stop
    this.#totalBytes = logs.includes('-') ? undefined : total(logs)
  }

  /** Whether it ends before the end of the logs. */
  get stopped(): boolean {
    return this.#stop.aborted
  }

  /** The share that was read, where it is known. */
  get part(): number | undefined {
    const read = this.#beforeBytes + this.#takenBytes
    return this.#totalBytes ? Math.min(1, read / this.#totalBytes) : undefined
  }

  /** The bytes of one of the logs, until its end or a stop. */
  async *read(log: string, cutOff: () => void): AsyncGenerator<Uint8Array> {
    const leave = (): void => void process.stdin.destroy()
    const piped = log === '-'
    if (piped) this.#stop.addEventListener('abort', leave)
    try {
      const taken = (bytes: number): void => {
        this.#takenBytes = bytes
      }
      for await (const chunk of piped ? process.stdin : readLog(resolve(log), cutOff, taken)) {
        if (this.#stop.aborted) return
        yield chunk as Uint8Array
      }
    } catch (error) {
      // Standard input that is destroyed ends the loop with an error of its own.
      if (!this.#stop.aborted) throw error
    } finally {
      this.#stop.removeEventListener('abort', leave)
      this.#beforeBytes += this.#takenBytes
      this.#takenBytes = 0
    }
  }
}

/** Nothing for a path that cannot be read: reading it says so, with what to do. */
function total(logs: readonly string[]): number {
  return logs.reduce((sum, log) => sum + sizeOf(log), 0)
}

function sizeOf(log: string): number {
  try {
    return statSync(log).size
  } catch {
    return 0
  }
}
