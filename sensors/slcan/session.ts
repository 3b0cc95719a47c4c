import { setTimeout as sleep } from 'node:timers/promises'
import { SensorError } from '../errors.ts'
import type { SerialDevice } from '../serial/port.ts'
import { timeOut } from '../wait.ts'
import type { SlcanConfig } from './config.ts'
import { BITRATE_NUMBERS, DATA_BITRATE_NUMBERS } from './protocol.ts'

/** How an adapter answered a command. Some clones never do: `silent`. */
export type Answer = { kind: 'done'; text: string } | { kind: 'refused' } | { kind: 'silent' }

/** How long a command waits for its answer. */
const ANSWER_TIMEOUT_MS = 400
/** No answer for so long means that all of them have come. */
const QUIET_MS = 50
const RESET_TIMEOUT_MS = 500
const encoder = new TextEncoder()

/** Commands to an adapter, one at a time, and their answers. */
export class SlcanSession {
  readonly #device: Pick<SerialDevice, 'write'>
  #waiting: ((answer: Answer) => void) | undefined
  /** How many answers have come back. */
  #answers = 0

  constructor(device: Pick<SerialDevice, 'write'>) {
    this.#device = device
  }

  get waiting(): boolean {
    return this.#waiting !== undefined
  }

  /** To be told of each answer that is read. */
  settle(answer: Answer): void {
    this.#answers++
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.(answer)
  }

  /** Sends a command without its CR; resolves with the answer. Rejects with `DEVICE_LOST`. */
  async command(text: string): Promise<Answer> {
    const { answer, forget } = this.#next(ANSWER_TIMEOUT_MS)
    try {
      await this.#device.write(encoder.encode(`${text}\r`))
      return await answer
    } finally {
      forget()
    }
  }

  /** The next answer that comes; `silent` where none does. */
  #next(timeoutMs: number): { answer: Promise<Answer>; forget(): void } {
    let forget = (): void => {}
    const answer = new Promise<Answer>((resolve) => {
      this.#waiting = (answer) => {
        forget()
        resolve(answer)
      }
      forget = timeOut(timeoutMs, () => {
        this.#waiting = undefined
        resolve({ kind: 'silent' })
      })
    })
    return { answer, forget }
  }

  /**
   * Brings the adapter from any state to an open channel. Rejects with `DEVICE_PROTOCOL` where it
   * refuses a setting, or where nothing at all comes back.
   */
  async open(config: SlcanConfig): Promise<void> {
    await this.#reset()
    await this.#align()
    await this.#set(`S${BITRATE_NUMBERS.get(config.bitrate)}`, `a bitrate of ${config.bitrate}`)
    if (config.dataBitrate !== undefined) {
      const number = DATA_BITRATE_NUMBERS.get(config.dataBitrate)
      await this.#set(`Y${number}`, `a data bitrate of ${config.dataBitrate}`)
    }
    // Kept in the adapter's EEPROM, so it is only ever written when it was asked for.
    if (config.timestamps === 'adapter') await this.#set('Z1', 'timestamps: adapter')
    const mode = config.listenOnly ? 'L' : 'O'
    await this.#set(mode, `listenOnly: ${config.listenOnly}`)
    if (this.#answers === 0) {
      throw new SensorError('DEVICE_PROTOCOL', `Nothing on ${config.port} speaks slcan.`, {
        hint: `Check that ${config.port} is the CAN adapter, that it has slcan firmware, and its baudRate (${config.baudRate}).`,
      })
    }
  }

  /**
   * Ends half a command that may be waiting in the adapter, and closes a channel left open. How many
   * answers come of that depends on what was left, so they are waited out, not counted.
   */
  async #reset(): Promise<void> {
    await this.#device.write(encoder.encode('\r\r\rC\r'))
    const endMs = performance.now() + RESET_TIMEOUT_MS
    let before = -1
    while (before !== this.#answers && performance.now() < endMs) {
      before = this.#answers
      await sleep(QUIET_MS)
    }
  }

  /**
   * Asks for the version, whose answer is like no other: what comes before it belongs to the reset of
   * a slow adapter and must not pass for the answer to a setting.
   */
  async #align(): Promise<void> {
    const endMs = performance.now() + ANSWER_TIMEOUT_MS
    let answer = await this.command('V')
    while (answer.kind !== 'silent' && !isVersion(answer)) {
      const restMs = endMs - performance.now()
      if (restMs <= 0) return
      answer = await this.#next(restMs).answer
    }
  }

  async #set(command: string, wish: string): Promise<void> {
    const answer = await this.command(command)
    if (answer.kind !== 'refused') return
    throw new SensorError('DEVICE_PROTOCOL', `The adapter refused ${wish} (${command}).`, {
      hint: 'Choose a value that this adapter has; its manual lists the slcan commands it knows.',
    })
  }
}

function isVersion(answer: Answer): boolean {
  return answer.kind === 'done' && /^V/i.test(answer.text)
}
