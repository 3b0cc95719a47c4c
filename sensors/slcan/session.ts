import { SensorError } from '../errors.ts'
import type { SerialDevice } from '../serial/port.ts'
import { BITRATE_NUMBERS, DATA_BITRATE_NUMBERS } from './protocol.ts'
import type { SlcanConfig } from './slcan.ts'

/** How an adapter answered a command. Some clones never do: `silent`. */
export type Answer = { kind: 'done'; text: string } | { kind: 'refused' } | { kind: 'silent' }

/** How long a command waits for its answer. */
const ANSWER_TIMEOUT_MS = 400
const encoder = new TextEncoder()

/** Commands to an adapter, one at a time, and their answers. */
export class SlcanSession {
  readonly #device: Pick<SerialDevice, 'write'>
  #waiting: ((answer: Answer) => void) | undefined
  /** Whether anything intelligible has come back yet. */
  #answered = false

  constructor(device: Pick<SerialDevice, 'write'>) {
    this.#device = device
  }

  get waiting(): boolean {
    return this.#waiting !== undefined
  }

  /** To be told of each answer that is read. */
  settle(answer: Answer): void {
    this.#answered = true
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.(answer)
  }

  /** Sends a command without its CR; resolves with the answer. Rejects with `DEVICE_LOST`. */
  async command(text: string): Promise<Answer> {
    let timer: NodeJS.Timeout | undefined
    const answer = new Promise<Answer>((resolve) => {
      this.#waiting = resolve
      timer = setTimeout(() => {
        this.#waiting = undefined
        resolve({ kind: 'silent' })
      }, ANSWER_TIMEOUT_MS)
    })
    try {
      await this.#device.write(encoder.encode(`${text}\r`))
      return await answer
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * Brings the adapter from any state to an open channel. Rejects with `DEVICE_PROTOCOL` where it
   * refuses a setting, or where nothing at all comes back.
   */
  async open(config: SlcanConfig): Promise<void> {
    // Half a command may be waiting in the adapter: end it. Then close a channel left open; a
    // refusal only says that it was closed.
    await this.command('\r\r')
    await this.command('C')
    await this.command('V')
    await this.#set(`S${BITRATE_NUMBERS.get(config.bitrate)}`, `a bitrate of ${config.bitrate}`)
    if (config.dataBitrate !== undefined) {
      const number = DATA_BITRATE_NUMBERS.get(config.dataBitrate)
      await this.#set(`Y${number}`, `a data bitrate of ${config.dataBitrate}`)
    }
    // Kept in the adapter's EEPROM, so it is only ever written when it was asked for.
    if (config.timestamps === 'adapter') await this.#set('Z1', 'timestamps: adapter')
    const mode = config.listenOnly ? 'L' : 'O'
    await this.#set(mode, `listenOnly: ${config.listenOnly}`)
    if (!this.#answered) {
      throw new SensorError('DEVICE_PROTOCOL', `Nothing on ${config.port} speaks slcan.`, {
        hint: `Check that ${config.port} is the CAN adapter, that it has slcan firmware, and its baudRate (${config.baudRate}).`,
      })
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
