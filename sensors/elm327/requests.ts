import type { FrameSender } from '../can/channel.ts'
import { flagsToSend } from '../can/frame-check.ts'
import { SensorError } from '../errors.ts'
import { FRAME_FD } from '../frame.ts'
import type { Acceptance } from './acceptance.ts'
import { PROTOCOLS, type ProtocolName } from './protocol.ts'

/** A frame that waits to be sent. */
export interface Request {
  readonly id: number
  readonly data: Uint8Array
}

/** Frames that wait for the adapter; it takes one after the other, each for some tenths of a second. */
const MAX_WAITING = 32
/** How long after a first frame a flow control belongs to it. */
const FLOW_CONTROL_US = 1_000_000

/** OBD's functional request and the answers to it (ISO 15765-4, 10.5). */
const OBD_FUNCTIONAL = 0x7df
const OBD_ANSWERS: Acceptance = { id: 0x7e8, mask: 0x7f8 }
const OBD_FUNCTIONAL_EXT = 0x18db33f1
const OBD_ANSWERS_EXT: Acceptance = { id: 0x18daf100, mask: 0x1fffff00 }

/** Frames on their way from a `FrameChannel` to the adapter. */
export class Requests {
  /** Flow controls left to the adapter. */
  leftToAdapter = 0
  readonly #waiting: Request[] = []
  readonly #protocol: ProtocolName
  readonly #replies: ReadonlyMap<number, number>
  readonly #monoUs: () => number
  #wake: (() => void) | undefined
  #firstFrame: { from: number; monoUs: number } | undefined

  constructor(protocol: ProtocolName, replies: ReadonlyMap<number, number>, monoUs: () => number) {
    this.#protocol = protocol
    this.#replies = replies
    this.#monoUs = monoUs
  }

  get waiting(): boolean {
    return this.#waiting.length > 0
  }

  next(): Request | undefined {
    return this.#waiting.shift()
  }

  /** Sets who is told of a new frame; told at once where one waits. */
  onWaiting(wake: (() => void) | undefined): void {
    this.#wake = wake
    if (this.waiting) wake?.()
  }

  /** As `FrameChannel.send` wants it. */
  readonly send: FrameSender = (id, ext, data, flags) => {
    const protocol = PROTOCOLS[this.#protocol]
    if ((flags & FRAME_FD) !== 0 || ext !== protocol.ext) {
      throw new SensorError(
        'DEVICE_PROTOCOL',
        `The adapter is on ${this.#protocol}, which carries no such frame.`,
        { hint: 'Set protocol of the elm327 sensor to the one that the vehicle speaks.' },
      )
    }
    flagsToSend(id, ext, data, flags)
    if (this.#adapterControls(id, data)) {
      this.leftToAdapter++
      return
    }
    if (this.#waiting.length >= MAX_WAITING) {
      throw new SensorError('DEVICE_BUSY', `${MAX_WAITING} frames wait for the adapter.`)
    }
    this.#waiting.push({ id, data: data.slice() })
    this.#wake?.()
  }

  /** To be told of each frame from the bus. */
  heard(id: number, data: Uint8Array): void {
    if (data.length === 8 && data[0] >> 4 === 1) {
      this.#firstFrame = { from: id, monoUs: this.#monoUs() }
    }
  }

  /** Which answers a request to `id` brings. */
  answersTo(id: number): Acceptance {
    const reply = this.#replies.get(id)
    const { ext } = PROTOCOLS[this.#protocol]
    if (!ext) {
      if (reply === undefined && id === OBD_FUNCTIONAL) return OBD_ANSWERS
      return { id: reply ?? (id + 8) & 0x7ff, mask: 0x7ff }
    }
    if (reply === undefined && id === OBD_FUNCTIONAL_EXT) return OBD_ANSWERS_EXT
    // Normal fixed addressing (ISO 15765-2, 9.4.3): target and source change places.
    const swapped = ((id & 0x1fff_0000) | ((id & 0xff) << 8) | ((id >> 8) & 0xff)) >>> 0
    return { id: reply ?? swapped, mask: 0x1fff_ffff }
  }

  /**
   * The adapter answers a first frame with a flow control by itself (`ATCFC1`, its default), within
   * milliseconds; a second one from us would come too late and twice.
   */
  #adapterControls(id: number, data: Uint8Array): boolean {
    const first = this.#firstFrame
    if (!first || data[0] >> 4 !== 3 || this.#monoUs() - first.monoUs > FLOW_CONTROL_US)
      return false
    const { id: from, mask } = this.answersTo(id)
    return ((first.from ^ from) & mask) === 0
  }
}
