import { BROADCAST } from './id.ts'
import {
  type AbortReason,
  abortBytes,
  ctsBytes,
  endBytes,
  PACKET_BYTES,
  parseControl,
  T1_US,
  T2_US,
} from './transport.ts'

export interface TransportMessage {
  readonly pgn: number
  readonly source: number
  readonly destination: number
  /** The callee's own. */
  readonly data: Uint8Array
}

/** What a transport receiver needs from the world. */
export interface TransportReceiverHost {
  message(message: TransportMessage): void
  /** A message of several packets broke off, or was not begun for want of room (`resources`). */
  broken(source: number, pgn: number, reason: 'missing packet' | AbortReason | 'replaced'): void
  /** Sends a control frame to `destination`; only for conversations with our own address. */
  control(destination: number, data: Uint8Array): void
}

interface Session {
  readonly source: number
  readonly destination: number
  readonly pgn: number
  readonly data: Uint8Array
  readonly packets: number
  /** Which packets came, by number. */
  readonly seen: Uint8Array
  /** The other end waits for our clear-to-send. */
  readonly ours: boolean
  readonly broadcast: boolean
  /** Packets that may be asked for at once. */
  readonly perCts: number
  /** Packets of this clear-to-send still to come. */
  window: number
  next: number
  count: number
  deadlineUs: number
}

/** Messages put together at once; a newcomer beyond it is refused where it is for us, and told as broken. */
export const MAX_SESSIONS = 64
/** Packets that we ask for at once. */
const PACKETS_PER_CTS = 16

/**
 * Puts messages of several packets together (SAE J1939-21, 5.10): broadcasts, conversations with our
 * own address, which we answer, and those between others, which we overhear. A pure state machine:
 * time comes in with every call. Memory is bounded by `MAX_SESSIONS` messages of 1785 bytes.
 */
export class TransportReceiver {
  /** When `tick` wants to be called. */
  deadlineUs = Number.POSITIVE_INFINITY
  /** Packets that belong to no message, and control frames that are none. */
  ignored = 0
  readonly #host: TransportReceiverHost
  readonly #own: () => number | undefined
  readonly #sessions = new Map<number, Session>()

  /** `own`: the address that we answer for; undefined to listen only. */
  constructor(host: TransportReceiverHost, own: () => number | undefined = () => undefined) {
    this.#host = host
    this.#own = own
  }

  get open(): number {
    return this.#sessions.size
  }

  /** A frame of `PGN.transportControl`. */
  control(source: number, destination: number, data: Uint8Array, nowUs: number): void {
    const control = parseControl(data)
    if (!control) {
      this.ignored++
      return
    }
    if (control.kind === 'bam' && destination === BROADCAST) {
      this.#begin(source, destination, control, nowUs)
    } else if (control.kind === 'rts' && destination !== BROADCAST) {
      this.#begin(source, destination, control, nowUs)
    } else if (control.kind === 'abort') {
      // Both ends may give up.
      for (const key of [keyOf(source, destination), keyOf(destination, source)]) {
        const session = this.#sessions.get(key)
        if (session?.pgn === control.pgn) this.#break(session, control.reason)
      }
    }
    this.#rearm()
  }

  /** A frame of `PGN.transportData`. */
  packet(source: number, destination: number, data: Uint8Array, nowUs: number): void {
    const session = this.#sessions.get(keyOf(source, destination))
    const number = data[0]
    if (!session || data.length < 8 || number < 1 || number > session.packets) {
      this.ignored++
      return
    }
    // A broadcast cannot be asked for again.
    if (session.broadcast && number !== session.next) {
      this.#break(session, 'missing packet')
      this.#rearm()
      return
    }
    if (session.seen[number] === 0) {
      session.seen[number] = 1
      session.count++
      const from = (number - 1) * PACKET_BYTES
      const part = data.subarray(1, 1 + Math.min(PACKET_BYTES, session.data.length - from))
      session.data.set(part, from)
    }
    session.next = number + 1
    session.deadlineUs = nowUs + T1_US
    if (session.count === session.packets) this.#complete(session)
    else if (session.ours && --session.window <= 0) this.#clear(session, nowUs)
    this.#rearm()
  }

  tick(nowUs: number): void {
    for (const session of [...this.#sessions.values()]) {
      if (session.deadlineUs > nowUs) continue
      if (session.ours) this.#host.control(session.source, abortBytes('timeout', session.pgn))
      this.#break(session, 'timeout')
    }
    this.#rearm()
  }

  #begin(
    source: number,
    destination: number,
    { kind, size, packets, perCts, pgn }: Announcement,
    nowUs: number,
  ): void {
    const key = keyOf(source, destination)
    const old = this.#sessions.get(key)
    if (old) this.#break(old, 'replaced')
    const ours = kind === 'rts' && destination === this.#own()
    if (this.#sessions.size >= MAX_SESSIONS) {
      if (ours) this.#host.control(source, abortBytes('resources', pgn))
      this.#host.broken(source, pgn, 'resources')
      return
    }
    const session: Session = {
      source,
      destination,
      pgn,
      data: new Uint8Array(size),
      packets,
      seen: new Uint8Array(packets + 1),
      ours,
      broadcast: kind === 'bam',
      perCts: Math.min(PACKETS_PER_CTS, perCts || PACKETS_PER_CTS),
      window: 0,
      next: 1,
      count: 0,
      deadlineUs: nowUs + (kind === 'bam' ? T1_US : T2_US),
    }
    this.#sessions.set(key, session)
    if (ours) this.#clear(session, nowUs)
  }

  /** Asks for the packets from the first missing one on. */
  #clear(session: Session, nowUs: number): void {
    let first = 1
    while (session.seen[first] === 1) first++
    let last = first
    const most = Math.min(session.packets, first + session.perCts - 1)
    while (last < most && session.seen[last + 1] === 0) last++
    session.window = last - first + 1
    session.deadlineUs = nowUs + T2_US
    this.#host.control(session.source, ctsBytes(session.window, first, session.pgn))
  }

  #complete(session: Session): void {
    const { source, destination, pgn, data, ours } = session
    this.#sessions.delete(keyOf(source, destination))
    if (ours) this.#host.control(source, endBytes(data.length, pgn))
    this.#host.message({ pgn, source, destination, data })
  }

  #break(session: Session, reason: 'missing packet' | AbortReason | 'replaced'): void {
    this.#sessions.delete(keyOf(session.source, session.destination))
    this.#host.broken(session.source, session.pgn, reason)
  }

  #rearm(): void {
    this.deadlineUs = Number.POSITIVE_INFINITY
    for (const { deadlineUs } of this.#sessions.values())
      this.deadlineUs = Math.min(this.deadlineUs, deadlineUs)
  }
}

type Announcement = {
  kind: 'rts' | 'bam'
  size: number
  packets: number
  perCts: number
  pgn: number
}

/** A source may talk to one address and to everybody at the same time (5.10.2.1). */
function keyOf(source: number, destination: number): number {
  return source * 256 + destination
}
