import type { ChannelFrame, FrameChannel } from '../../can/channel.ts'
import { diagnosticBytes } from '../../j1939/dm.ts'
import { BROADCAST, filterOf, makeId, PGN, parseId, pgnAt } from '../../j1939/id.ts'
import { nameBytes } from '../../j1939/name.ts'
import { TransportSender } from '../../j1939/transport-sender.ts'
import type { Clock } from '../../sensor.ts'

/** A group that the node sends. */
export interface SentGroup {
  readonly pgn: number
  /** 0: only when asked. */
  readonly everyMs: number
  data(): Uint8Array
}

export interface NodeCode {
  readonly spn: number
  readonly fmi: number
  occurrences: number
}

/** How the node misbehaves; may be changed while it runs. */
export interface NodeBehaviour {
  /** Says nothing. */
  silent: boolean
  /** Stops in the middle of messages of several packets: after so many packets. */
  stopAfterPackets: number | undefined
}

/** Messages of several packets that wait to be sent; more are not answered. */
const MAX_WAITING = 8
const DM1_EVERY_MS = 1000

/** A simulated ECU on a J1939 bus: claims its address, sends its groups and DM1, answers requests. */
export class J1939Node {
  readonly behaviour: NodeBehaviour = { silent: false, stopAfterPackets: undefined }
  /** Active trouble codes, and those that were. */
  readonly active: NodeCode[] = []
  readonly previous: NodeCode[] = []
  readonly #channel: FrameChannel
  readonly #source: number
  readonly #name: Uint8Array
  readonly #sender: TransportSender
  readonly #groups: { group: SentGroup; dueUs: number }[]
  readonly #waiting: { pgn: number; data: Uint8Array; destination: number }[] = []
  readonly #clock: Clock
  readonly #unlisten: () => void
  #peer = BROADCAST
  #packets = 0

  constructor(
    channel: FrameChannel,
    source: number,
    clock: Clock,
    groups: readonly SentGroup[],
    identity = 1,
  ) {
    this.#channel = channel
    this.#source = source
    this.#clock = clock
    this.#name = nameBytes({
      identity,
      manufacturer: 0,
      ecuInstance: 0,
      functionInstance: 0,
      function: 0,
      vehicleSystem: 0,
      vehicleSystemInstance: 0,
      industryGroup: 1,
      arbitrary: false,
    })
    const dm1: SentGroup = {
      pgn: PGN.dm1,
      everyMs: DM1_EVERY_MS,
      data: () => diagnosticBytes(this.active),
    }
    const dm2: SentGroup = { pgn: PGN.dm2, everyMs: 0, data: () => diagnosticBytes(this.previous) }
    this.#groups = [...groups, dm1, dm2].map((group) => ({ group, dueUs: clock.monoUs() }))
    this.#sender = new TransportSender({
      control: (data) => {
        this.#packets = 0
        this.#put(PGN.transportControl, this.#peer, data)
      },
      packet: (data) => {
        const { stopAfterPackets } = this.behaviour
        if (stopAfterPackets !== undefined && this.#packets++ >= stopAfterPackets) return
        this.#put(PGN.transportData, this.#peer, data)
      },
      sent: () => {},
      failed: () => {},
    })
    const wanted = [PGN.request, PGN.transportControl, PGN.addressClaimed].map(filterOf)
    this.#unlisten = channel.onFrame(wanted, (frame) => this.#hear(frame))
    this.claim()
  }

  claim(): void {
    this.#put(PGN.addressClaimed, BROADCAST, this.#name)
  }

  /** To be called every few milliseconds. */
  tick(): void {
    const nowUs = this.#clock.monoUs()
    for (const entry of this.#groups) {
      if (entry.group.everyMs === 0 || nowUs < entry.dueUs) continue
      entry.dueUs = Math.max(entry.dueUs, nowUs - 1e6) + entry.group.everyMs * 1000
      this.#say(entry.group.pgn, entry.group.data(), BROADCAST)
    }
    this.#sender.tick(nowUs)
    const next = this.#sender.busy ? undefined : this.#waiting.shift()
    if (next) {
      this.#peer = next.destination
      this.#sender.start(next.data, next.pgn, next.destination === BROADCAST, nowUs)
    }
  }

  close(): void {
    this.#unlisten()
    this.#sender.cancel()
  }

  #hear({ id, data }: ChannelFrame): void {
    if (this.behaviour.silent) return
    const { pgn, source, destination } = parseId(id)
    if (destination !== this.#source && destination !== BROADCAST) return
    if (pgn === PGN.transportControl && source === this.#peer)
      this.#sender.control(data, this.#clock.monoUs())
    if (pgn !== PGN.request || data.length < 3) return
    const wanted = pgnAt(data, 0)
    if (wanted === PGN.addressClaimed) {
      this.claim()
      return
    }
    const found = this.#groups.find(({ group }) => group.pgn === wanted)
    // Asked by one, it answers that one; asked of all, it tells all.
    const answerTo = destination === BROADCAST ? BROADCAST : source
    if (found) this.#say(wanted, found.group.data(), answerTo)
  }

  #say(pgn: number, data: Uint8Array, destination: number): void {
    if (data.length <= 8) this.#put(pgn, destination, data)
    else if (this.#waiting.length < MAX_WAITING) this.#waiting.push({ pgn, data, destination })
  }

  #put(pgn: number, destination: number, data: Uint8Array): void {
    if (this.behaviour.silent) return
    const id = makeId({ priority: 6, pgn, source: this.#source, destination })
    try {
      this.#channel.send(id, true, data)
    } catch {
      // A bus that is down takes what is said with it, as a real one does.
    }
  }
}
