import { SensorError } from '../errors.ts'
import { FRAME_FD } from '../frame.ts'
import type { SerialDevice } from '../serial/port.ts'
import type { SlcanConfig } from './config.ts'
import { frameText } from './frame-text.ts'

/** Frames that the serial line has not taken yet. */
const MAX_WAITING = 64
/** An adapter that has not answered a frame by then never does, as some clones. */
const ANSWER_TIMEOUT_US = 400_000

/** Frames on their way to the adapter, and its answers to them. */
export class Outgoing {
  sent = 0
  /** Frames that the adapter did not take: its queue was full. */
  refused = 0
  readonly #device: Pick<SerialDevice, 'write'>
  readonly #config: SlcanConfig
  readonly #monoUs: () => number
  /** Handed to the serial line, not yet with the kernel. */
  #waiting = 0
  #unanswered = 0
  #lastUs = 0

  constructor(device: Pick<SerialDevice, 'write'>, config: SlcanConfig, monoUs: () => number) {
    this.#device = device
    this.#config = config
    this.#monoUs = monoUs
  }

  /** As `FrameChannel.send` has it. */
  send(id: number, ext: boolean, data: Uint8Array, flags: number): void {
    const text = frameText(id, ext, data, flags)
    const { port, dataBitrate } = this.#config
    if ((flags & FRAME_FD) !== 0 && dataBitrate === undefined) {
      throw new SensorError('DEVICE_PROTOCOL', `The adapter on ${port} is not set up for CAN FD.`, {
        hint: 'Set dataBitrate of the slcan sensor, or ask without FD.',
      })
    }
    if (this.#waiting >= MAX_WAITING) {
      throw new SensorError('DEVICE_BUSY', `${MAX_WAITING} frames wait for ${port}.`)
    }
    this.#waiting++
    this.#unanswered++
    this.#lastUs = this.#monoUs()
    this.sent++
    // A device that is lost says so by itself; what was under way is lost with it.
    this.#device
      .write(Buffer.from(`${text}\r`, 'latin1'))
      .catch(() => {})
      .finally(() => this.#waiting--)
  }

  /** Takes an answer that may be one to a frame; false: it is none. `z` and `Z` are never another's. */
  answered(text: string): boolean {
    if (text !== '' && text !== 'z' && text !== 'Z') return false
    return this.#settle() || text !== ''
  }

  /** The adapter refused something; false: it was no frame. */
  bell(): boolean {
    if (!this.#settle()) return false
    this.refused++
    return true
  }

  #settle(): boolean {
    if (this.#monoUs() - this.#lastUs > ANSWER_TIMEOUT_US) this.#unanswered = 0
    if (this.#unanswered === 0) return false
    this.#unanswered--
    return true
  }
}
