import { FrameBuilder } from './build.ts'
import type { IsoTpFault, Settings } from './options.ts'
import { type Pci, SEQUENCE_MODULO } from './pci.ts'

/** What a sender needs from the world. */
export interface SenderHost {
  /** Puts a frame on the bus; false: not now, the device is busy. */
  transmit(frame: Uint8Array): boolean
  /** The last frame of the message is on the bus. */
  sent(): void
  failed(fault: IsoTpFault): void
}

/** Frames sent without giving others a turn, where the receiver asks for no separation. */
const MAX_BURST = 32
/** When a busy device is tried again. */
const BUSY_RETRY_US = 1000

/**
 * Sends one message at a time (ISO 15765-2:2016, 9.2, 9.6). A pure state machine: time comes in with
 * every call, and `deadlineUs` says when `tick` is due.
 */
export class IsoTpSender {
  /** When `tick` wants to be called; infinite while there is nothing to do. */
  deadlineUs = Number.POSITIVE_INFINITY
  readonly #settings: Settings
  readonly #host: SenderHost
  readonly #build: FrameBuilder
  #payload: Uint8Array | undefined
  #at = 0
  #sequence = 0
  #state: 'idle' | 'flow' | 'frames' = 'idle'
  /** The frame that a busy device would not take, and when it is given up. */
  #held: { frame: Uint8Array; after: (nowUs: number) => void; untilUs: number } | undefined
  #waits = 0
  #blockSize = 0
  /** Frames left of this block. */
  #left = 0
  #separationUs = 0
  /** When the last consecutive frame was sent. */
  #lastUs = Number.NEGATIVE_INFINITY

  constructor(settings: Settings, txByte: number | undefined, host: SenderHost) {
    this.#settings = settings
    this.#host = host
    this.#build = new FrameBuilder(settings, txByte)
  }

  get busy(): boolean {
    return this.#payload !== undefined
  }

  /** Begins a message of 1 to `maxLength` bytes; the sender must not be busy. */
  start(payload: Uint8Array, nowUs: number): void {
    if (this.busy) throw new Error('a message is being sent')
    if (payload.length < 1 || payload.length > this.#settings.maxLength) {
      throw new RangeError(`message of ${payload.length} bytes, 1 to ${this.#settings.maxLength}`)
    }
    this.#payload = payload
    this.#waits = 0
    this.#lastUs = Number.NEGATIVE_INFINITY
    if (this.#build.fitsSingle(payload.length)) {
      this.#put(this.#build.single(payload), nowUs, () => this.#end())
      return
    }
    const { frame, taken } = this.#build.first(payload)
    this.#at = taken
    this.#sequence = 1
    this.#put(frame, nowUs, (us) => this.#await(us))
  }

  /** A flow control frame came. Those that nobody waits for are ignored (table 23). */
  flow(flow: Extract<Pci, { kind: 'flow' }>, nowUs: number): void {
    if (this.#state !== 'flow') return
    switch (flow.status) {
      case 'wait':
        if (++this.#waits > this.#settings.maxWaits) this.#fail('N_WFT_OVRN')
        else this.#await(nowUs)
        return
      case 'overflow':
        this.#fail('N_BUFFER_OVFLW')
        return
      case 'reserved':
        this.#fail('N_INVALID_FS')
        return
      default:
        this.#waits = 0
        this.#blockSize = flow.blockSize
        this.#left = flow.blockSize
        this.#separationUs = flow.separationUs
        this.#state = 'frames'
        // The separation holds over the end of a block too: a slow receiver asked for it.
        this.deadlineUs = this.#lastUs + flow.separationUs
        if (this.deadlineUs <= nowUs) this.#burst(nowUs)
    }
  }

  /** To be called when `deadlineUs` has come; earlier calls do nothing. */
  tick(nowUs: number): void {
    if (nowUs < this.deadlineUs) return
    if (this.#held) {
      const { frame, after, untilUs } = this.#held
      if (this.#host.transmit(frame)) {
        this.#held = undefined
        after(nowUs)
      } else if (nowUs >= untilUs) this.#fail('N_TIMEOUT_A')
      else this.deadlineUs = nowUs + BUSY_RETRY_US
    } else if (this.#state === 'flow') this.#fail('N_TIMEOUT_BS')
    else if (this.#state === 'frames') this.#burst(nowUs)
  }

  /** Forgets the message under way without a word. */
  cancel(): void {
    this.#payload = undefined
    this.#held = undefined
    this.#state = 'idle'
    this.deadlineUs = Number.POSITIVE_INFINITY
  }

  #await(nowUs: number): void {
    this.#state = 'flow'
    this.deadlineUs = nowUs + this.#settings.flowTimeoutUs
  }

  #burst(nowUs: number): void {
    for (let i = 0; i < MAX_BURST && this.#state === 'frames' && !this.#held; i++) {
      if (i > 0 && this.#separationUs > 0) {
        this.deadlineUs = nowUs + this.#separationUs
        return
      }
      this.#next(nowUs)
    }
    if (this.#state === 'frames' && !this.#held) this.deadlineUs = nowUs + this.#separationUs
  }

  #next(nowUs: number): void {
    const payload = this.#payload as Uint8Array
    const part = payload.subarray(this.#at, this.#at + this.#build.consecutiveCapacity)
    const frame = this.#build.frame([0x20 | this.#sequence], part)
    this.#put(frame, nowUs, (us) => {
      this.#lastUs = us
      this.#at += part.length
      this.#sequence = (this.#sequence + 1) % SEQUENCE_MODULO
      if (this.#at >= payload.length) this.#end()
      else if (this.#blockSize > 0 && --this.#left === 0) this.#await(us)
      else this.deadlineUs = us + this.#separationUs
    })
  }

  /** Puts a frame on the bus, now or as soon as the device takes it; goes on with `after`. */
  #put(frame: Uint8Array, nowUs: number, after: (nowUs: number) => void): void {
    if (this.#host.transmit(frame)) {
      after(nowUs)
      return
    }
    this.#held = { frame, after, untilUs: nowUs + this.#settings.sendTimeoutUs }
    this.deadlineUs = nowUs + BUSY_RETRY_US
  }

  #end(): void {
    this.cancel()
    this.#host.sent()
  }

  #fail(fault: IsoTpFault): void {
    this.cancel()
    this.#host.failed(fault)
  }
}
