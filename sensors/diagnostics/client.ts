import type { FrameChannel } from '../can/channel.ts'
import { Deadline } from '../deadline.ts'
import type { IsoTpAddress } from '../isotp/address.ts'
import { IsoTpLink } from '../isotp/link.ts'
import type { IsoTpFault, IsoTpOptions } from '../isotp/options.ts'
import type { Clock } from '../sensor.ts'

/** How an ECU answered a request. */
export type Answer =
  /** `data` begins behind the service identifier. */
  | { readonly kind: 'positive'; readonly data: Uint8Array; readonly timeUs: number }
  /** `code` by ISO 14229-1, table A.1. */
  | { readonly kind: 'negative'; readonly code: number }
  /** Nothing came in time. */
  | { readonly kind: 'silent' }
  /** It began to answer, or we to ask, and that broke off. */
  | { readonly kind: 'broken'; readonly fault: IsoTpFault }

export interface ClientOptions extends IsoTpOptions {
  /** How long an ECU may take to begin its answer (P2 and what gateways add). */
  readonly answerTimeoutMs?: number
  /** The same after "response pending" (P2*). */
  readonly pendingTimeoutMs?: number
}

const NEGATIVE = 0x7f
const BUSY_REPEAT = 0x21
const PENDING = 0x78
/** "Response pending" in a row that are believed: at P2* of 5 s, a minute and a half. */
const MAX_PENDING = 20
/** How often a busy ECU is asked again (ISO 15765-4 has 200 ms between). */
const MAX_BUSY_REPEATS = 3
const BUSY_REPEAT_MS = 200

interface Waiting {
  readonly service: number
  readonly matches: (data: Uint8Array) => boolean
  readonly settle: (answer: Answer) => void
  pending: number
}

/** The queue of those who want to ask one ECU. */
interface Line {
  tail: Promise<unknown>
}

const lines = new WeakMap<FrameChannel, Map<string, Line>>()

/** One line for each ECU of a bus, whoever asks: an `obd` and a `uds` sensor may share an ECU. */
function lineTo(channel: FrameChannel, { txId, txByte }: IsoTpAddress): Line {
  const ofBus = lines.get(channel) ?? new Map<string, Line>()
  lines.set(channel, ofBus)
  const key = `${txId} ${txByte}`
  const line = ofBus.get(key) ?? { tail: Promise.resolve() }
  ofBus.set(key, line)
  return line
}

/**
 * Asks one ECU, one request in flight (ISO 14229-2, ISO 15031-5): waits, waits longer when told that
 * the answer is pending, asks a busy one again. Answers that were not asked for are counted.
 */
export class RequestClient {
  /** Messages that answered nothing. */
  stray = 0
  readonly #link: IsoTpLink
  readonly #clock: Clock
  readonly #deadline: Deadline
  readonly #answerUs: number
  readonly #pendingUs: number
  #waiting: Waiting | undefined
  #closed = false
  readonly #line: Line

  constructor(
    channel: FrameChannel,
    address: IsoTpAddress,
    clock: Clock,
    options: ClientOptions = {},
  ) {
    this.#clock = clock
    this.#answerUs = (options.answerTimeoutMs ?? 300) * 1000
    this.#pendingUs = (options.pendingTimeoutMs ?? 5000) * 1000
    this.#deadline = new Deadline(clock, () => this.#settle({ kind: 'silent' }))
    const events = {
      message: (payload: Uint8Array, timeUs: number) => this.#hear(payload, timeUs),
      fault: (fault: IsoTpFault) => this.#settle({ kind: 'broken', fault }),
      expected: () => this.#waiting !== undefined,
      // From here on the link's own time-outs watch over the answer.
      started: () => this.#deadline.set(Number.POSITIVE_INFINITY),
    }
    this.#line = lineTo(channel, address)
    this.#link = new IsoTpLink(channel, address, clock, events, options)
  }

  /** Frames that fitted into no message. */
  get strayFrames(): number {
    return this.#link.ignored
  }

  /**
   * Sends a request and waits for its answer; requests queue up, one at a time.
   * @param matches whether a positive answer (behind its service identifier) is the one asked for
   * @throws SensorError where the bus does not let us send (SEND_DENIED, DEVICE_LOST)
   */
  request(
    message: Uint8Array,
    matches: (data: Uint8Array) => boolean = () => true,
  ): Promise<Answer> {
    const turn = this.#line.tail.then(() => {
      // Closed while it stood in the queue.
      if (this.#closed) return { kind: 'silent' } as const
      return this.#patiently(message, matches)
    })
    this.#line.tail = turn.catch(() => {})
    return turn
  }

  /** Ends the request in flight as silent, and listens no more. */
  close(): void {
    this.#closed = true
    this.#link.close()
    this.#settle({ kind: 'silent' })
  }

  async #patiently(message: Uint8Array, matches: (data: Uint8Array) => boolean): Promise<Answer> {
    for (let repeat = 0; ; repeat++) {
      const answer = await this.#once(message, matches)
      const busy = answer.kind === 'negative' && answer.code === BUSY_REPEAT
      if (!busy || repeat >= MAX_BUSY_REPEATS) return answer
      await new Promise((resolve) => setTimeout(resolve, BUSY_REPEAT_MS))
    }
  }

  async #once(message: Uint8Array, matches: (data: Uint8Array) => boolean): Promise<Answer> {
    // What is left of an older answer must not be taken for this one.
    this.#link.dropReception()
    const answer = new Promise<Answer>((settle) => {
      this.#waiting = { service: message[0], matches, settle, pending: 0 }
    })
    try {
      const outcome = await this.#link.send(message)
      if (outcome === 'closed') this.#settle({ kind: 'silent' })
      else if (outcome !== 'sent') this.#settle({ kind: 'broken', fault: outcome })
      else if (this.#waiting && !this.#link.receiving) this.#wait(this.#answerUs)
    } catch (error) {
      this.#waiting = undefined
      throw error
    }
    return await answer
  }

  #hear(payload: Uint8Array, timeUs: number): void {
    const waiting = this.#waiting
    if (!waiting) {
      this.stray++
      return
    }
    if (payload[0] === NEGATIVE && payload.length >= 3 && payload[1] === waiting.service) {
      const code = payload[2]
      if (code !== PENDING) this.#settle({ kind: 'negative', code })
      else if (++waiting.pending > MAX_PENDING) this.#settle({ kind: 'negative', code })
      else this.#wait(this.#pendingUs)
      return
    }
    const data = payload.subarray(1)
    if (payload[0] === waiting.service + 0x40 && waiting.matches(data))
      this.#settle({ kind: 'positive', data, timeUs })
    else {
      this.stray++
      // A stranger's long answer stopped the watch; ours may still not come.
      this.#wait(this.#answerUs)
    }
  }

  #wait(us: number): void {
    this.#deadline.set(this.#clock.monoUs() + us)
  }

  #settle(answer: Answer): void {
    this.#deadline.set(Number.POSITIVE_INFINITY)
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.settle(answer)
  }
}
