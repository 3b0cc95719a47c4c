import {
  type AbortReason,
  announceBytes,
  MAX_TRANSPORT_BYTES,
  MIN_TRANSPORT_BYTES,
  packetBytes,
  packetsOf,
  parseControl,
  T3_US,
  T4_US,
} from './transport.ts'

/** What a transport sender needs from the world. */
export interface TransportSenderHost {
  control(data: Uint8Array): void
  packet(data: Uint8Array): void
  /** The message is sent; in a conversation: and was acknowledged. */
  sent(): void
  failed(reason: AbortReason): void
}

/** Between two packets of a broadcast (5.10.2.3: 50 to 200 ms). */
const BAM_INTERVAL_US = 50_000
/** Times that packets are asked for before we give up. */
const MAX_CTS = 600

/** Sends one message of 9 to 1785 bytes, to all or to one (SAE J1939-21, 5.10). Pure, as the receiver. */
export class TransportSender {
  deadlineUs = Number.POSITIVE_INFINITY
  readonly #host: TransportSenderHost
  #message: Uint8Array | undefined
  #pgn = 0
  #broadcast = false
  #next = 1
  #asked = 0

  constructor(host: TransportSenderHost) {
    this.#host = host
  }

  get busy(): boolean {
    return this.#message !== undefined
  }

  start(message: Uint8Array, pgn: number, broadcast: boolean, nowUs: number): void {
    if (this.busy) throw new Error('a message is being sent')
    if (message.length < MIN_TRANSPORT_BYTES || message.length > MAX_TRANSPORT_BYTES)
      throw new RangeError(`message of ${message.length} bytes`)
    this.#message = message
    this.#pgn = pgn
    this.#broadcast = broadcast
    this.#next = 1
    this.#asked = 0
    this.#host.control(announceBytes(broadcast ? 'bam' : 'rts', message.length, pgn))
    this.deadlineUs = nowUs + (broadcast ? BAM_INTERVAL_US : T3_US)
  }

  /** A control frame from the other end. */
  control(data: Uint8Array, nowUs: number): void {
    const control = parseControl(data)
    const message = this.#message
    if (!control || !message || this.#broadcast || control.pgn !== this.#pgn) return
    if (control.kind === 'abort') this.#end(() => this.#host.failed(control.reason))
    else if (control.kind === 'end') this.#end(() => this.#host.sent())
    else if (control.kind === 'cts') {
      if (++this.#asked > MAX_CTS) {
        this.#end(() => this.#host.failed('resources'))
        return
      }
      // No packets: wait for a while.
      if (control.packets === 0) {
        this.deadlineUs = nowUs + T4_US
        return
      }
      const last = Math.min(packetsOf(message.length), control.next + control.packets - 1)
      for (let number = Math.max(1, control.next); number <= last; number++)
        this.#host.packet(packetBytes(message, number))
      this.deadlineUs = nowUs + T3_US
    }
  }

  tick(nowUs: number): void {
    const message = this.#message
    if (!message || nowUs < this.deadlineUs) return
    if (!this.#broadcast) {
      this.#end(() => this.#host.failed('timeout'))
      return
    }
    this.#host.packet(packetBytes(message, this.#next++))
    if (this.#next > packetsOf(message.length)) this.#end(() => this.#host.sent())
    else this.deadlineUs = nowUs + BAM_INTERVAL_US
  }

  cancel(): void {
    this.#message = undefined
    this.deadlineUs = Number.POSITIVE_INFINITY
  }

  #end(tell: () => void): void {
    this.cancel()
    tell()
  }
}
