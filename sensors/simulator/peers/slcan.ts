import type { ChannelFrame, FrameChannel } from '../../can/channel.ts'
import { FD_LENGTHS, FRAME_BRS, FRAME_FD } from '../../frame.ts'
import type { Wire } from './wire.ts'

/** What an emulated adapter is like. */
export interface SlcanHabits {
  /** Commands (by first letter) that it refuses with BEL. */
  readonly refuses?: string
  /** Never answers anything. */
  readonly mute?: boolean
  /** What it says to `F`; `F00` unless told otherwise. */
  status?: string
  /** Refuses to close a channel that is not open, as many do, and says so only with its next answer. */
  readonly lateReset?: boolean
  /** What it says to a frame to be sent; `z` unless told otherwise. */
  toFrame?: string
}

const BELL = '\x07'
const FRAME = /^([tTdDbB])([0-9A-F]{3}|[0-9A-F]{8})([0-9A-F])((?:[0-9A-F]{2})*)$/i
const WRAP_MS = 60_000
const ALL = [
  { id: 0, mask: 0, ext: false },
  { id: 0, mask: 0, ext: true },
]

/**
 * A CAN adapter of the LAWICEL protocol (CAN232 manual, version 3) between a serial line and a bus: what
 * is on the bus is told while the channel is open, what is sent goes out unless it only listens. Without a
 * bus it is a device that answers.
 */
export class SlcanAdapter {
  /** Every command that it was given. */
  readonly commands: string[] = []
  /** Stops answering when set. */
  hung = false
  readonly #wire: Wire
  readonly #bus: FrameChannel | undefined
  readonly #habits: SlcanHabits
  #line = ''
  #mode: 'closed' | 'listening' | 'open' = 'closed'
  #timestamps = false

  constructor(wire: Wire, bus?: FrameChannel, habits: SlcanHabits = {}) {
    this.#wire = wire
    this.#bus = bus
    this.#habits = habits
    bus?.onFrame(ALL, (frame) => this.#hear(frame))
    wire.onData((chunk) => {
      for (const byte of chunk) {
        const letter = String.fromCharCode(byte)
        if (letter === '\r') this.#command()
        else this.#line += letter
      }
    })
  }

  /** Says something that nobody asked for. Rejects once the plug is pulled. */
  say(text: string): Promise<void> {
    return this.#wire.write(Buffer.from(text, 'latin1'))
  }

  #command(): void {
    const command = this.#line
    this.#line = ''
    this.commands.push(command)
    if (this.hung || this.#habits.mute) return
    // A plug that is pulled takes the answer with it.
    this.say(this.#answerTo(command)).catch(() => {})
  }

  #answerTo(command: string): string {
    const { refuses, status = 'F00', lateReset } = this.#habits
    const letter = command[0] ?? ''
    if (letter !== '' && 'tTrRdDbB'.includes(letter)) return this.#send(command)
    if (letter !== '' && refuses?.includes(letter)) return BELL
    switch (letter) {
      case 'V':
        return `${lateReset ? BELL : ''}V1013\r`
      case 'F':
        return `${status}\r`
      case 'Z':
        this.#timestamps = command === 'Z1'
        return '\r'
      case 'O':
      case 'L':
        this.#mode = letter === 'O' ? 'open' : 'listening'
        return '\r'
      case 'C':
        this.#mode = 'closed'
        return '\r'
      default:
        return '\r'
    }
  }

  #send(command: string): string {
    const found = FRAME.exec(command)
    if (found && this.#bus) {
      if (this.#mode !== 'open') return BELL
      const [, letter, id, dlc, digits] = found
      const data = Buffer.from(digits, 'hex')
      if (data.length !== FD_LENGTHS[Number.parseInt(dlc, 16)]) return BELL
      const kind = letter.toLowerCase()
      const flags = kind === 'b' ? FRAME_FD | FRAME_BRS : kind === 'd' ? FRAME_FD : 0
      this.#bus.send(Number.parseInt(id, 16), kind !== letter, data, flags)
    }
    return this.#habits.toFrame ?? (command[0] < 'a' ? 'Z\r' : 'z\r')
  }

  #hear({ id, ext, data, flags, timeUs }: ChannelFrame): void {
    if (this.hung || this.#mode === 'closed') return
    const kind = flags & FRAME_BRS ? 'b' : flags & FRAME_FD ? 'd' : 't'
    const head = ext ? kind.toUpperCase() + hex(id, 8) : kind + hex(id, 3)
    const body = [...data].map((byte) => hex(byte, 2)).join('')
    const time = this.#timestamps ? hex(Math.floor(timeUs / 1000) % WRAP_MS, 4) : ''
    this.say(`${head}${hex(FD_LENGTHS.indexOf(data.length), 1)}${body}${time}\r`).catch(() => {})
  }
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0')
}
