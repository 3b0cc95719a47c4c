import { SensorError } from '../errors.ts'
import type { SerialDevice } from '../serial/port.ts'
import { timeOut } from '../wait.ts'

/** Longest line; the longest frame with spaces is 36, identifications stay below 80. */
const MAX_LINE_CHARS = 160
/** Lines kept of one answer. */
const MAX_ANSWER_LINES = 64
/** How long a command that does nothing on the bus may take. */
const COMMAND_TIMEOUT_MS = 1000
const CR = 13
const LF = 10
const PROMPT = 62

/** What the session tells of besides answers. */
export interface ElmListener {
  /** A line that came while no command waits for its answer, such as a frame. */
  line(text: string): void
  /** Bytes that are no text, or a line without end. */
  rubbish(): void
}

/** One ELM327 at the far end: one command at a time, each answered by lines and the prompt `>`. */
export class ElmSession {
  /** Bytes that came in, so that silence can be told from speech. */
  bytes = 0
  readonly #device: Pick<SerialDevice, 'write'>
  readonly #listener: ElmListener
  #line = ''
  #skipping = false
  /** What was sent last, without spaces: an adapter with its echo on says it again. */
  #echo = ''
  #lines: string[] | undefined
  #onPrompt: (() => void) | undefined

  constructor(device: Pick<SerialDevice, 'write'>, listener: ElmListener) {
    this.#device = device
    this.#listener = listener
  }

  feed(chunk: Uint8Array): void {
    this.bytes += chunk.length
    for (const byte of chunk) {
      if (byte === CR || byte === LF) this.#endLine()
      else if (byte === PROMPT) {
        this.#endLine()
        const onPrompt = this.#onPrompt
        this.#onPrompt = undefined
        onPrompt?.()
        // The data sheet says that a zero byte may come up and shall be ignored.
      } else if (byte === 0 || this.#skipping) continue
      else if (byte < 32 || byte > 126 || this.#line.length === MAX_LINE_CHARS) {
        this.#listener.rubbish()
        this.#skipping = true
        this.#line = ''
      } else this.#line += String.fromCharCode(byte)
    }
  }

  /**
   * Sends a command and collects its lines until the prompt.
   * @returns undefined where no prompt came in time
   * @throws SensorError DEVICE_LOST
   */
  async command(text: string, timeoutMs = COMMAND_TIMEOUT_MS): Promise<string[] | undefined> {
    const lines: string[] = []
    this.#lines = lines
    try {
      if (!(await this.#untilPrompt(`${text}\r`, timeoutMs))) return undefined
    } finally {
      this.#lines = undefined
    }
    return lines
  }

  /** Sends something whose lines are frames, told to the listener; true once the prompt came. */
  exchange(text: string, timeoutMs: number): Promise<boolean> {
    return this.#untilPrompt(`${text}\r`, timeoutMs)
  }

  /**
   * Ends what the adapter is doing. A space: unlike a CR it does nothing where the prompt is there
   * already, and a CR alone would repeat the last command, which may be a request on the bus.
   */
  interrupt(timeoutMs: number): Promise<boolean> {
    return this.#untilPrompt(' ', timeoutMs)
  }

  /** Sends without waiting; `prompt` is called at the next prompt. */
  async begin(text: string, prompt: () => void): Promise<void> {
    this.#onPrompt = prompt
    this.#echo = withoutSpaces(text)
    await this.#device.write(Buffer.from(`${text}\r`, 'latin1'))
  }

  #untilPrompt(text: string, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const before = this.#onPrompt
      this.#echo = withoutSpaces(text)
      const done = (came: boolean): void => {
        forget()
        this.#onPrompt = undefined
        resolve(came)
      }
      const forget = timeOut(timeoutMs, () => done(false))
      this.#onPrompt = () => {
        before?.()
        done(true)
      }
      this.#device.write(Buffer.from(text, 'latin1')).catch((error: unknown) => {
        done(false)
        reject(error)
      })
    })
  }

  #endLine(): void {
    const line = this.#line.trim()
    this.#line = ''
    this.#skipping = false
    if (line === '') return
    const echo = this.#echo
    this.#echo = ''
    if (echo !== '' && withoutSpaces(line) === echo) return
    if (!this.#lines) this.#listener.line(line)
    else if (this.#lines.length < MAX_ANSWER_LINES) this.#lines.push(line)
    else this.#listener.rubbish()
  }
}

function withoutSpaces(text: string): string {
  return text.replace(/\s/g, '')
}

/** The adapter does not answer any more. */
export function silentAdapter(port: string): SensorError {
  return new SensorError('DEVICE_LOST', `The adapter on ${port} stopped answering.`, {
    hint: 'It is opened again by itself; if that does not help, unplug it and plug it in again.',
  })
}
