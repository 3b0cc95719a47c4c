import type { ChannelFrame, FrameChannel } from '../can/channel.ts'
import { Deadline } from '../deadline.ts'
import { SensorError } from '../errors.ts'
import type { Clock, SensorContext, TroubleCode } from '../sensor.ts'
import { OwnAddress } from './address.ts'
import type { J1939Config } from './config.ts'
import { DiagnosticReader } from './diagnostic-reader.ts'
import { GroupReader, hexByte } from './group-reader.ts'
import { BROADCAST, filterOf, makeId, PGN, parseId, pgnAt, pgnBytes } from './id.ts'
import { type EcuName, parseName } from './name.ts'
import { ReassembledFrames } from './reassembled.ts'
import { TransportReceiver } from './transport-receiver.ts'

/** CloudEvents type of an address claim that was seen for the first time, or changed. */
const ADDRESS_EVENT = 'milepost.j1939.address.v1'

const PRIORITY = 6
/** How long a busy device is left alone. */
const BUSY_RETRY_US = 10_000
/** Control frames that wait for a busy device; for more the transport's own time-outs speak. */
const MAX_UNSENT = 64

/** Our node on one bus, from opening to closing: what it hears, what it asks and answers. */
export class OwnNode {
  /** Rejects when the bus does not let us send what we must. */
  readonly failed: Promise<never>
  readonly #context: SensorContext
  readonly #channel: FrameChannel
  readonly #clock: Clock
  readonly #groups: GroupReader
  readonly #diagnostics: DiagnosticReader
  readonly #transport: TransportReceiver
  readonly #reassembled: ReassembledFrames
  readonly #deadline: Deadline
  readonly #own: OwnAddress | undefined
  readonly #claims = new Map<number, string>()
  readonly #config: J1939Config
  #unlisten: () => void = () => {}
  #fail!: (error: unknown) => void
  readonly #unsent: { destination: number; data: Uint8Array }[] = []
  #retryUs = Number.POSITIVE_INFINITY
  #timeUs = 0
  #heard = 0

  constructor(context: SensorContext, config: J1939Config) {
    this.#context = context
    this.#channel = context.channel
    this.#clock = context.clock
    this.#config = config
    this.#groups = new GroupReader(context, config)
    this.#diagnostics = new DiagnosticReader(context, config.countSignal)
    this.#reassembled = new ReassembledFrames(context)
    this.failed = new Promise((_, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => {})
    const { address } = config
    this.#own =
      address === undefined
        ? undefined
        : new OwnAddress(address, ourName(config.identity), {
            claim: (source, name) => this.#send(PGN.addressClaimed, source, BROADCAST, name),
          })
    this.#transport = new TransportReceiver(
      {
        message: ({ pgn, source, destination, data }) => {
          this.#group(pgn, source, data, this.#timeUs)
          this.#reassembled.deliver(pgn, source, destination, data, this.#timeUs)
        },
        broken: () => context.dropped('incomplete', 1),
        control: (destination, data) => {
          if (this.#unsent.length < MAX_UNSENT) this.#unsent.push({ destination, data })
          this.#flush()
        },
      },
      () => this.#own?.at(this.#clock.monoUs()),
    )
    this.#deadline = new Deadline(context.clock, () => {
      const nowUs = this.#clock.monoUs()
      this.#retryUs = Number.POSITIVE_INFINITY
      this.#own?.retry(nowUs)
      this.#flush()
      this.#transport.tick(nowUs)
      this.#rearm()
    })
  }

  codes(): readonly TroubleCode[] {
    return this.#diagnostics.codes()
  }

  open(): void {
    const filters = [...Object.values(PGN), ...this.#groups.pgns].map(filterOf)
    this.#unlisten = this.#channel.onFrame(filters, (frame) => this.#hear(frame))
    this.#own?.claim(this.#clock.monoUs())
    this.#rearm()
  }

  close(): void {
    this.#unlisten()
    this.#deadline.set(Number.POSITIVE_INFINITY)
  }

  /** Asks for a group; false while we have no address to ask from, or the device is busy. */
  request(pgn: number, destination: number): boolean {
    const source = this.#own?.at(this.#clock.monoUs())
    if (source === undefined) return false
    return this.#send(PGN.request, source, destination, Uint8Array.from(pgnBytes(pgn)))
  }

  facts(): Record<string, number | string> {
    const { marked } = this.#groups
    const addresses = [...this.#claims.keys()].sort((a, b) => a - b).map(hexByte)
    return {
      heard: this.#heard,
      notAvailable: marked['not available'],
      errors: marked.error,
      reserved: marked.reserved,
      strayPackets: this.#transport.ignored,
      tooLongForDbc: this.#reassembled.tooLong,
      addresses: addresses.join(' '),
      ...(this.#own?.lost ? { address: `${this.#config.address} was taken by another ECU` } : {}),
    }
  }

  #hear({ id, data, timeUs }: ChannelFrame): void {
    // Longer ones are what we put together ourselves, on their way to the DBC decoder.
    if (data.length > 8) return
    const { pgn, source, destination } = parseId(id)
    const nowUs = this.#clock.monoUs()
    this.#timeUs = timeUs
    this.#heard++
    switch (pgn) {
      case PGN.transportControl:
        this.#transport.control(source, destination, data, nowUs)
        this.#rearm()
        return
      case PGN.transportData:
        this.#transport.packet(source, destination, data, nowUs)
        this.#rearm()
        return
      case PGN.addressClaimed:
        this.#claimed(source, data, timeUs)
        this.#rearm()
        return
      case PGN.request:
        if (data.length >= 3 && pgnAt(data, 0) === PGN.addressClaimed) this.#own?.asked(nowUs)
        this.#rearm()
        return
      default:
        this.#group(pgn, source, data, timeUs)
    }
  }

  #group(pgn: number, source: number, data: Uint8Array, timeUs: number): void {
    const { sources } = this.#config
    if (sources && !sources.includes(source)) return
    if (pgn === PGN.dm1 || pgn === PGN.dm2) this.#diagnostics.read(pgn, source, data, timeUs)
    else this.#groups.read(pgn, source, data, timeUs)
  }

  #claimed(source: number, data: Uint8Array, timeUs: number): void {
    const name = parseName(data)
    if (!name) {
      this.#context.dropped('parse_error', 1)
      return
    }
    const text = Buffer.from(data.subarray(0, 8)).toString('hex').toUpperCase()
    this.#own?.heard(source, data, this.#clock.monoUs())
    const before = this.#claims.get(source)
    if (before === text) return
    this.#claims.set(source, text)
    const was = before === undefined ? {} : { was: before }
    this.#context.event(
      ADDRESS_EVENT,
      { ecu: hexByte(source), name: text, ...was, ...name },
      timeUs,
    )
  }

  /** Sends the control frames that wait, in their order, as far as the device takes them. */
  #flush(): void {
    const source = this.#config.address ?? 0
    while (this.#unsent.length > 0) {
      const { destination, data } = this.#unsent[0]
      if (!this.#send(PGN.transportControl, source, destination, data)) return
      this.#unsent.shift()
    }
  }

  #rearm(): void {
    const waiting = this.#unsent.length > 0 || this.#own?.owes
    if (!waiting) this.#retryUs = Number.POSITIVE_INFINITY
    // Once set it stays: on a lively bus this is called more often than we retry.
    else if (this.#retryUs === Number.POSITIVE_INFINITY)
      this.#retryUs = this.#clock.monoUs() + BUSY_RETRY_US
    this.#deadline.set(Math.min(this.#transport.deadlineUs, this.#retryUs))
  }

  /**
   * Sends one frame; false: the device is busy now. What the config forbids, or a bus that is gone,
   * ends the sensor with its reason.
   */
  #send(pgn: number, source: number, destination: number, data: Uint8Array): boolean {
    try {
      this.#channel.send(makeId({ priority: PRIORITY, pgn, source, destination }), true, data)
    } catch (error) {
      if (error instanceof SensorError && error.code === 'DEVICE_BUSY') return false
      this.#fail(error)
    }
    return true
  }
}

/** A service tool on an on-highway vehicle; no maker's number is ours. */
function ourName(identity: number): EcuName {
  return {
    identity,
    manufacturer: 0,
    ecuInstance: 0,
    functionInstance: 0,
    function: 129,
    vehicleSystem: 0,
    vehicleSystemInstance: 0,
    industryGroup: 0,
    arbitrary: false,
  }
}
