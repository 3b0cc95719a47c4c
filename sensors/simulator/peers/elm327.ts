import type { ChannelFrame, FrameChannel } from '../../can/channel.ts'
import type { Wire } from './wire.ts'

/** What an emulated adapter is like. */
export interface ElmHabits {
  /** `ELM327 v1.5` unless told otherwise. */
  readonly name?: string
  /** What it says to `STI`; left out: it is no OBDLink. */
  readonly stn?: string
  /** Beginnings of commands that it answers with `?`, as copies do. */
  readonly refuses?: readonly string[]
  /** The number of the protocol that the bus behind it speaks (6 to 9). */
  readonly busProtocol?: string
  /** Keeps on echoing, whatever it was told. */
  readonly alwaysEchoes?: boolean
  /** Answers nothing at all. */
  readonly mute?: boolean
}

/** 11-bit identifiers have protocols 6 and 8. */
const STANDARD = '68'
const FLOW_CONTROL = Uint8Array.of(0x30, 0, 0, 0, 0, 0, 0, 0)

/**
 * An ELM327 (data sheet v2.3), or a chip of OBDLink's, between a serial line and a bus: raw frames in
 * `ATCAF0`, monitoring, filters, requests with flow control of its own.
 */
export class Elm327 {
  /** Commands that it was given, without spaces. */
  readonly commands: string[] = []
  /** Takes everything in and answers no more. */
  hung = false
  readonly #wire: Wire
  readonly #channel: FrameChannel
  readonly #habits: ElmHabits
  #text = ''
  #monitoring = false
  #request: { timer: NodeJS.Timeout; answers: number } | undefined
  #echo = true
  #spaces = true
  #headers = false
  #length = false
  #protocol = '0'
  #priority = '18'
  /** Empty: OBD's functional request. */
  #header = ''
  #timeoutMs = 200
  #filter = { id: 0, mask: 0 }
  #stnFilters: { id: number; mask: number }[] = []

  constructor(wire: Wire, channel: FrameChannel, habits: ElmHabits = {}) {
    this.#wire = wire
    this.#channel = channel
    this.#habits = habits
    channel.onFrame(
      [
        { id: 0, mask: 0, ext: false },
        { id: 0, mask: 0, ext: true },
      ],
      (frame) => this.#hear(frame),
    )
    wire.onData((chunk) => {
      for (const byte of chunk) this.#take(String.fromCharCode(byte))
    })
  }

  /** Says something that nobody asked for. */
  say(text: string): void {
    if (!this.hung && !this.#habits.mute) void this.#wire.write(text).catch(() => {})
  }

  /** Stops monitoring with an error, as when the line is too slow for the bus. */
  fail(error: string): void {
    this.#monitoring = false
    this.#answer(error)
  }

  get monitoring(): boolean {
    return this.#monitoring
  }

  #take(letter: string): void {
    if (this.#monitoring || this.#request) {
      this.#monitoring = false
      clearTimeout(this.#request?.timer)
      this.#request = undefined
      this.#answer('STOPPED')
      return
    }
    if (letter !== '\r') {
      this.#text += letter
      return
    }
    const text = this.#text
    this.#text = ''
    if (this.#echo || this.#habits.alwaysEchoes) this.say(`${text}\r`)
    this.#command(text.replace(/\s/g, '').toUpperCase())
  }

  #command(command: string): void {
    this.commands.push(command)
    if (this.#habits.refuses?.some((start) => command.startsWith(start))) this.#answer('?')
    else if (command === 'ATZ') this.#reset()
    else if (command === 'ATI') this.#answer(this.#name)
    else if (command === 'ATDPN') this.#answer(`A${this.#protocol}`)
    else if (command === 'STI') this.#answer(this.#habits.stn ?? '?')
    else if (command === 'ATMA' || (command === 'STM' && this.#habits.stn)) this.#monitor()
    else if (this.#set(command)) this.#answer('OK')
    else if (/^([0-9A-F]{2}){1,8}$/.test(command)) this.#ask(command)
    else this.#answer('?')
  }

  get #name(): string {
    return this.#habits.name ?? 'ELM327 v1.5'
  }

  #reset(): void {
    this.#echo = true
    this.#spaces = true
    this.#headers = false
    this.#length = false
    this.#filter = { id: 0, mask: 0 }
    this.#answer(`\r\r${this.#name}`)
  }

  /** Settings; false where the command is none. */
  #set(command: string): boolean {
    if (command.startsWith('ST')) return this.#setStn(command)
    const found = /^AT(TPA|TP|SP|CAF|CSM|CF|CM|CP|SH|ST|AL|AT|E|L|S|H|D)([0-9A-F]*)$/.exec(command)
    if (!found) return false
    const [, name, value] = found
    const on = value === '1'
    if (name === 'CF') this.#filter.id = Number.parseInt(value, 16)
    else if (name === 'CM') this.#filter.mask = Number.parseInt(value, 16)
    else if (name === 'CP') this.#priority = value
    else if (name === 'SH') this.#header = value
    else if (name === 'ST') this.#timeoutMs = Number.parseInt(value, 16) * 4
    else if (name === 'TPA') this.#protocol = this.#habits.busProtocol ?? '6'
    else if (name === 'TP' || name === 'SP') this.#protocol = value
    else if (name === 'D') this.#length = on
    else if (name === 'E') this.#echo = on
    else if (name === 'S') this.#spaces = on
    else if (name === 'H') this.#headers = on
    return true
  }

  #setStn(command: string): boolean {
    if (!this.#habits.stn) return false
    if (command === 'STFCP') {
      this.#stnFilters = []
      return true
    }
    const filter = /^STFAP([0-9A-F]+),([0-9A-F]+)$/.exec(command)
    if (!filter) return false
    this.#stnFilters.push({
      id: Number.parseInt(filter[1], 16),
      mask: Number.parseInt(filter[2], 16),
    })
    return true
  }

  get #onBus(): boolean {
    return this.#protocol === (this.#habits.busProtocol ?? '6')
  }

  #monitor(): void {
    if (!this.#onBus && !this.#sameSpeed) this.#answer('CAN ERROR')
    else this.#monitoring = true
  }

  /** 6 and 7 have 500 kbit/s, 8 and 9 have 250. */
  get #sameSpeed(): boolean {
    const slow = (number: string): boolean => number === '8' || number === '9'
    return slow(this.#protocol) === slow(this.#habits.busProtocol ?? '6')
  }

  #ask(digits: string): void {
    // Before ATCAF0 the one request is that of a search.
    const data =
      this.#headers && digits === '0100'
        ? Buffer.from('0201000000000000', 'hex')
        : Buffer.from(digits, 'hex')
    if (!this.#onBus) {
      this.#answer('UNABLE TO CONNECT')
      return
    }
    const ext = !STANDARD.includes(this.#protocol)
    const header = this.#header || (ext ? 'DB33F1' : '7DF')
    const id = Number.parseInt(ext ? this.#priority + header : header, 16)
    this.#request = { timer: this.#untilQuiet(), answers: 0 }
    this.#channel.send(id, ext, data)
  }

  #untilQuiet(): NodeJS.Timeout {
    return setTimeout(() => {
      const { answers } = this.#request ?? { answers: 0 }
      this.#request = undefined
      this.#answer(answers === 0 ? 'NO DATA' : '')
    }, this.#timeoutMs)
  }

  #hear({ id, ext, data }: ChannelFrame): void {
    if (!this.#onBus || ext === STANDARD.includes(this.#protocol)) return
    if (!this.#monitoring && !this.#request) return
    const filters = this.#monitoring && this.#habits.stn ? this.#stnFilters : [this.#filter]
    if (!filters.some((filter) => ((filter.id ^ id) & filter.mask) === 0)) return
    this.say(`${this.#printed(id, ext, data)}\r`)
    if (!this.#request) return
    this.#request.answers++
    clearTimeout(this.#request.timer)
    this.#request.timer = this.#untilQuiet()
    if (data[0] >> 4 === 1) {
      const swapped = (0x18da0000 | ((id & 0xff) << 8) | ((id >> 8) & 0xff)) >>> 0
      this.#channel.send(ext ? swapped : id - 8, ext, FLOW_CONTROL)
    }
  }

  #printed(id: number, ext: boolean, data: Uint8Array): string {
    const digits = id
      .toString(16)
      .toUpperCase()
      .padStart(ext ? 8 : 3, '0')
    const length = this.#length ? [String(data.length)] : []
    const bytes = [...data].map((byte) => byte.toString(16).toUpperCase().padStart(2, '0'))
    const parts = [...(this.#headers ? [digits, ...length] : []), ...bytes]
    return parts.join(this.#spaces ? ' ' : '')
  }

  #answer(text: string): void {
    this.say(`${text}\r\r>`)
  }
}
