import type { FrameChannel } from '../can/channel.ts'
import { Deadline } from '../deadline.ts'
import { SensorError } from '../errors.ts'
import { FRAME_BRS, FRAME_FD } from '../frame.ts'
import type { Clock } from '../sensor.ts'
import { type IsoTpAddress, prefixLength } from './address.ts'
import { type IsoTpFault, type IsoTpOptions, type Settings, settingsOf } from './options.ts'
import { parsePci } from './pci.ts'
import { IsoTpReceiver } from './receiver.ts'
import { IsoTpSender } from './sender.ts'

/** What comes out of a link. */
export interface LinkEvents {
  /** A whole message from the other end; `payload` is the callee's own. `timeUs`: its last frame. */
  message(payload: Uint8Array, timeUs: number): void
  /** A message from the other end broke off. The link is ready for the next one. */
  fault?(fault: IsoTpFault): void
  /** The first frame of a longer message came: an answer is under way. */
  started?(): void
  /**
   * Whether a message is expected now; while not, frames of messages are left alone, for somebody else
   * may be talking with the same other end. Left out: always.
   */
  expected?(): boolean
  /** False makes the other end wait; left out: always ready. */
  ready?(): boolean
}

/** How sending a message ended. */
export type SendOutcome = 'sent' | 'closed' | IsoTpFault

/**
 * An ISO-TP connection on a channel, both roles at once (ISO 15765-2). One message each way at a
 * time. Receives until `close`.
 */
export class IsoTpLink {
  readonly address: IsoTpAddress
  readonly #channel: FrameChannel
  readonly #settings: Settings
  readonly #clock: Clock
  readonly #events: LinkEvents
  readonly #sender: IsoTpSender
  readonly #receiver: IsoTpReceiver
  readonly #deadline: Deadline
  readonly #unlisten: () => void
  #settle: ((outcome: SendOutcome) => void) | undefined
  #refuse: ((error: unknown) => void) | undefined
  #frameTimeUs = 0

  constructor(
    channel: FrameChannel,
    address: IsoTpAddress,
    clock: Clock,
    events: LinkEvents,
    options: IsoTpOptions = {},
  ) {
    this.address = address
    this.#channel = channel
    this.#clock = clock
    this.#events = events
    this.#settings = settingsOf(options)
    this.#sender = new IsoTpSender(this.#settings, address.txByte, {
      transmit: (frame) => this.#transmit(frame),
      sent: () => this.#finish('sent'),
      failed: (fault) => this.#finish(fault),
    })
    this.#receiver = new IsoTpReceiver(this.#settings, address.txByte, {
      transmit: (frame) => this.#transmit(frame),
      message: (payload) => events.message(payload, this.#frameTimeUs),
      failed: (fault) => events.fault?.(fault),
      ready: events.ready && (() => events.ready!()),
    })
    this.#deadline = new Deadline(clock, () => this.#guard(() => this.#tick()))
    this.#unlisten = channel.onFrame([{ id: address.rxId, ext: address.ext }], (frame) => {
      this.#frameTimeUs = frame.timeUs
      this.#guard(() => this.#hear(frame.data))
    })
  }

  /** Frames that fitted into nothing. */
  get ignored(): number {
    return this.#receiver.ignored
  }

  /** A message of the other end is under way. */
  get receiving(): boolean {
    return this.#receiver.busy
  }

  /**
   * Sends one message; resolves once its last frame is on the bus, or with the fault that ended it.
   * @throws SensorError as `FrameChannel.send` (SEND_DENIED, DEVICE_LOST), but not DEVICE_BUSY: that
   *   is waited out and becomes `N_TIMEOUT_A`
   */
  send(payload: Uint8Array): Promise<SendOutcome> {
    return new Promise((resolve, reject) => {
      if (this.#settle) throw new Error('a message is being sent')
      this.#settle = resolve
      this.#refuse = reject
      this.#guard(() => this.#sender.start(payload, this.#clock.monoUs()))
    })
  }

  /** Forgets a message that is being put together, for a new question makes it worthless. */
  dropReception(): void {
    this.#receiver.cancel()
    this.#rearm()
  }

  /** Stops listening; a message being sent is given up. */
  close(): void {
    this.#unlisten()
    this.#sender.cancel()
    this.#receiver.cancel()
    this.#deadline.set(Number.POSITIVE_INFINITY)
    this.#finish('closed')
  }

  #hear(data: Uint8Array): void {
    const { rxByte } = this.address
    // With extended addressing the identifier is shared: frames for others are not ours to judge.
    if (rxByte !== undefined && data[0] !== rxByte) return
    const pci = parsePci(data, prefixLength(rxByte))
    const nowUs = this.#clock.monoUs()
    if (pci === undefined) this.#receiver.ignored++
    else if (pci.kind === 'flow') this.#sender.flow(pci, nowUs)
    else if (this.#receiver.busy || (this.#events.expected?.() ?? true)) {
      this.#receiver.frame(pci, data.length, nowUs)
      if (pci.kind === 'first' && this.#receiver.busy) this.#events.started?.()
    }
  }

  #tick(): void {
    const nowUs = this.#clock.monoUs()
    this.#sender.tick(nowUs)
    this.#receiver.tick(nowUs)
  }

  /** Runs a step of the machines. An error of the bus ends what was under way. */
  #guard(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.#sender.cancel()
      this.#receiver.cancel()
      const refuse = this.#refuse
      this.#settle = undefined
      this.#refuse = undefined
      if (refuse) refuse(error)
      else if (error instanceof SensorError) this.#events.fault?.('N_TIMEOUT_A')
      else if (this.#channel.broken) this.#channel.broken(error)
      else throw error
    }
    this.#rearm()
  }

  #rearm(): void {
    this.#deadline.set(Math.min(this.#sender.deadlineUs, this.#receiver.deadlineUs))
  }

  #transmit(frame: Uint8Array): boolean {
    const { txId, ext } = this.address
    try {
      this.#channel.send(txId, ext, frame, this.#settings.fd ? FRAME_FD | FRAME_BRS : 0)
      return true
    } catch (error) {
      if (error instanceof SensorError && error.code === 'DEVICE_BUSY') return false
      throw error
    }
  }

  #finish(outcome: SendOutcome): void {
    const settle = this.#settle
    this.#settle = undefined
    this.#refuse = undefined
    settle?.(outcome)
  }
}
