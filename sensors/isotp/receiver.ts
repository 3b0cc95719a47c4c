import { FrameBuilder } from './build.ts'
import type { IsoTpFault, Settings } from './options.ts'
import { type FlowStatus, flowBytes, type Pci, SEQUENCE_MODULO, separationByte } from './pci.ts'

/** What a receiver needs from the world. */
export interface ReceiverHost {
  /** Puts a flow control frame on the bus; false: not now, the device is busy. */
  transmit(frame: Uint8Array): boolean
  /** A whole message; the array is the host's own. */
  message(payload: Uint8Array): void
  failed(fault: IsoTpFault): void
  /** False makes the other end wait before the next block; left out: always ready. */
  ready?(): boolean
}

const BUSY_RETRY_US = 1000
/** Time between two wait frames, well inside the sender's N_Bs of a second. */
const WAIT_INTERVAL_US = 300_000

/**
 * Puts one message at a time together (ISO 15765-2:2016, 9.2, 9.6, 9.8). A pure state machine: time
 * comes in with every call, and `deadlineUs` says when `tick` is due. Holds at most `maxLength` bytes.
 */
export class IsoTpReceiver {
  /** When `tick` wants to be called; infinite while there is nothing to do. */
  deadlineUs = Number.POSITIVE_INFINITY
  /** Frames that fit into nothing, and were ignored as the standard has it. */
  ignored = 0
  readonly #settings: Settings
  readonly #host: ReceiverHost
  readonly #build: FrameBuilder
  #buffer: Uint8Array | undefined
  #at = 0
  #sequence = 0
  /** Length of the first frame: that of all but the last consecutive one. */
  #frameBytes = 8
  /** Frames left until the next flow control; infinite without blocks. */
  #left = 0
  #waits = 0
  /** A flow control that is to be sent, and when trying ends; 0 while only waiting for readiness. */
  #owing: { untilUs: number } | undefined

  /** `txByte` stands before flow control frames with extended addressing. */
  constructor(settings: Settings, txByte: number | undefined, host: ReceiverHost) {
    this.#settings = settings
    this.#host = host
    this.#build = new FrameBuilder(settings, txByte)
  }

  get busy(): boolean {
    return this.#buffer !== undefined
  }

  /** A frame that is no flow control, of `frameBytes` bytes. */
  frame(pci: Exclude<Pci, { kind: 'flow' }>, frameBytes: number, nowUs: number): void {
    switch (pci.kind) {
      case 'single':
        this.#interrupt()
        if (pci.payload.length > this.#settings.maxLength) this.#host.failed('N_BUFFER_OVFLW')
        else this.#host.message(pci.payload.slice())
        return
      case 'first':
        this.#interrupt()
        this.#begin(pci.length, pci.payload, frameBytes, nowUs)
        return
      default:
        this.#continue(pci.sequence, pci.payload, frameBytes, nowUs)
    }
  }

  /** To be called when `deadlineUs` has come; earlier calls do nothing. */
  tick(nowUs: number): void {
    if (nowUs < this.deadlineUs) return
    if (this.#owing) this.#control(nowUs)
    else if (this.busy) this.#fail('N_TIMEOUT_CR')
  }

  /** Forgets the message under way without a word. */
  cancel(): void {
    this.#buffer = undefined
    this.#owing = undefined
    this.deadlineUs = Number.POSITIVE_INFINITY
  }

  /** A new message ends the old one (table 23). */
  #interrupt(): void {
    if (this.busy) this.#fail('N_UNEXP_PDU')
  }

  #begin(length: number, payload: Uint8Array, frameBytes: number, nowUs: number): void {
    if (length > this.#settings.maxLength) {
      // One try: if the device is busy the sender runs into its own time-out.
      this.#host.transmit(this.#flow('overflow'))
      this.#host.failed('N_BUFFER_OVFLW')
      return
    }
    this.#buffer = new Uint8Array(length)
    this.#buffer.set(payload)
    this.#at = payload.length
    this.#sequence = 1
    this.#frameBytes = frameBytes
    this.#owe(nowUs)
  }

  #continue(sequence: number, payload: Uint8Array, frameBytes: number, nowUs: number): void {
    const buffer = this.#buffer
    if (!buffer || this.#owing || frameBytes > this.#frameBytes) {
      this.ignored++
      return
    }
    const rest = buffer.length - this.#at
    const full = this.#frameBytes - 1 - this.#build.prefix
    if (payload.length < Math.min(rest, full)) {
      this.ignored++
      return
    }
    if (sequence !== this.#sequence) {
      this.#fail('N_WRONG_SN')
      return
    }
    buffer.set(payload.subarray(0, Math.min(rest, full)), this.#at)
    this.#at += Math.min(rest, full)
    this.#sequence = (this.#sequence + 1) % SEQUENCE_MODULO
    if (this.#at >= buffer.length) {
      this.cancel()
      this.#host.message(buffer)
    } else if (--this.#left === 0) this.#owe(nowUs)
    else this.deadlineUs = nowUs + this.#settings.nextTimeoutUs
  }

  #owe(nowUs: number): void {
    this.#waits = 0
    this.#owing = { untilUs: nowUs + this.#settings.sendTimeoutUs }
    this.#control(nowUs)
  }

  /** Sends the flow control that is due: go on, or wait. */
  #control(nowUs: number): void {
    const owing = this.#owing as { untilUs: number }
    const ready = this.#host.ready?.() ?? true
    if (!ready && this.#waits >= this.#settings.maxWaits) {
      this.#fail('N_WFT_OVRN')
      return
    }
    if (!this.#host.transmit(this.#flow(ready ? 'continue' : 'wait'))) {
      if (nowUs >= owing.untilUs) this.#fail('N_TIMEOUT_A')
      else this.deadlineUs = nowUs + BUSY_RETRY_US
      return
    }
    if (!ready) {
      this.#waits++
      this.deadlineUs = nowUs + WAIT_INTERVAL_US
      owing.untilUs = this.deadlineUs + this.#settings.sendTimeoutUs
      return
    }
    this.#owing = undefined
    const { blockSize, nextTimeoutUs } = this.#settings
    this.#left = blockSize === 0 ? Number.POSITIVE_INFINITY : blockSize
    this.deadlineUs = nowUs + nextTimeoutUs
  }

  #flow(status: FlowStatus): Uint8Array {
    const { blockSize, separationUs } = this.#settings
    return this.#build.frame(flowBytes(status, blockSize, separationByte(separationUs)))
  }

  #fail(fault: IsoTpFault): void {
    this.cancel()
    this.#host.failed(fault)
  }
}
