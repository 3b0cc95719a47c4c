import type {
  FrameChannel,
  FrameListener,
  FrameSender,
  IdFilter,
  WantedIds,
} from '../sensors/can/channel.ts'
import { extOf, isExt, matches, matchesAny } from '../sensors/can/channel.ts'
import { SensorError } from '../sensors/errors.ts'
import { FRAME_ERR, FRAME_RTR, FRAME_STRIDE, type FrameBatch } from '../sensors/frame.ts'
import type { Caught } from './fence.ts'

interface Listening {
  readonly filters: readonly IdFilter[]
  readonly hear: FrameListener
}

/** What the agent knows of one bus, besides its frames. */
export interface BusRules {
  readonly name: string
  /** Identifiers that may be sent; empty, as it is by default: none. */
  readonly send: readonly IdFilter[]
  /** What the decoder wants to read; undefined: every frame. */
  readonly reads: readonly IdFilter[] | undefined
}

/** What `status` says of one bus. */
export interface BusStatus {
  readonly bus: string
  /** Frames sent. */
  readonly sent: number
  /** Frames that were not, because the config does not allow their identifier. */
  readonly denied: number
}

/** Joins those who ask on a bus with the sensor that owns it. */
export class Channels {
  readonly #rules: (bus: number) => BusRules
  readonly #caught: Caught | undefined
  readonly #buses: (BusChannel | undefined)[] = []
  /** Buses with at least one listener, so that a bus without any costs nothing per frame. */
  #listened = 0

  /** @param caught takes what a listener throws; without it, whoever routes gets it */
  constructor(rules: (bus: number) => BusRules, caught?: Caught) {
    this.#rules = rules
    this.#caught = caught
  }

  /** The channel of one bus; the same for everybody who asks. */
  of(bus: number): BusChannel {
    return (this.#buses[bus] ??= new BusChannel(
      this.#rules(bus),
      (by) => {
        this.#listened += by
      },
      this.#caught,
    ))
  }

  /** What was sent on each bus that somebody asked for. */
  status(): BusStatus[] {
    return this.#buses
      .filter((bus) => bus !== undefined)
      .map(({ bus, sent, denied }) => ({ bus, sent, denied }))
  }

  /** Gives each listener its frames. */
  route(batch: FrameBatch): void {
    if (this.#listened === 0) return
    for (let i = 0; i < batch.count; i++) {
      this.#buses[batch.bus[i]]?.route(batch, i)
    }
  }
}

/** One bus: its listeners, its sender, and what may be sent. */
export class BusChannel implements FrameChannel, WantedIds {
  /** Frames sent, and those that the config did not allow. */
  sent = 0
  denied = 0
  readonly #rules: BusRules
  readonly #count: (by: number) => void
  readonly #caught: Caught | undefined
  readonly #listeners = new Set<Listening>()
  readonly #changed = new Set<() => void>()
  /** 1 for each 11-bit identifier that somebody listens to. */
  readonly #standard = new Uint8Array(0x800)
  #extended: IdFilter[] = []
  /** Senders of the open sensors of this bus; the latest sends. */
  readonly #senders: { readonly send: FrameSender }[] = []

  constructor(rules: BusRules, count: (by: number) => void, caught?: Caught) {
    this.#rules = rules
    this.#count = count
    this.#caught = caught
  }

  get bus(): string {
    return this.#rules.name
  }

  send(id: number, ext: boolean, data: Uint8Array, flags = 0): void {
    if (!matchesAny(this.#rules.send, id, ext)) {
      this.denied++
      throw this.#denial([id])
    }
    const sender = this.#senders.at(-1)
    if (!sender) {
      throw new SensorError('DEVICE_LOST', `No open sensor of bus ${this.bus} can send.`, {
        hint: `See the sensors of ${this.bus} in "milepost status"; replayed logs cannot send.`,
      })
    }
    sender.send(id, ext, data, flags)
    this.sent++
  }

  mustSend(frames: readonly { readonly id: number; readonly ext: boolean }[]): void {
    const denied = frames.filter(({ id, ext }) => !matchesAny(this.#rules.send, id, ext))
    if (denied.length > 0) throw this.#denial(denied.map(({ id }) => id))
  }

  #denial(ids: readonly number[]): SensorError {
    const shown = ids.map((id) => `0x${id.toString(16).toUpperCase()}`).join(', ')
    return new SensorError('SEND_DENIED', `Bus ${this.bus} may not send ${shown}.`, {
      hint: `If it shall, name it in the config: buses.${this.bus}.send: [${shown}].`,
    })
  }

  onFrame(filters: readonly IdFilter[], hear: FrameListener): () => void {
    const listening = { filters: [...filters], hear }
    this.#listeners.add(listening)
    this.#count(1)
    this.#index()
    return () => {
      if (!this.#listeners.delete(listening)) return
      this.#count(-1)
      this.#index()
    }
  }

  /**
   * A sensor that owns this bus says how to send on it, until the returned function is called. Where
   * several own it the latest sends; when it closes, the one before does again.
   */
  offer(sender: FrameSender): () => void {
    const offered = { send: sender }
    this.#senders.push(offered)
    return () => {
      const at = this.#senders.indexOf(offered)
      if (at >= 0) this.#senders.splice(at, 1)
    }
  }

  current(): readonly IdFilter[] | undefined {
    if (!this.#rules.reads) return undefined
    return [...this.#rules.reads, ...[...this.#listeners].flatMap(({ filters }) => filters)]
  }

  broken(error: unknown): void {
    if (!this.#caught) throw error
    this.#caught(`listener on ${this.bus}`, error)
  }

  onChange(listener: () => void): () => void {
    this.#changed.add(listener)
    return () => this.#changed.delete(listener)
  }

  /** Gives frame `i` to those who want it. */
  route(batch: FrameBatch, i: number): void {
    const flags = batch.flags[i]
    if ((flags & (FRAME_ERR | FRAME_RTR)) !== 0) return
    const id = batch.id[i]
    const ext = extOf(flags)
    if (!ext && this.#standard[id] === 0) return
    if (ext && !matchesAny(this.#extended, id, true)) return
    const at = i * FRAME_STRIDE
    for (const { filters, hear } of [...this.#listeners]) {
      if (!matchesAny(filters, id, ext)) continue
      const data = batch.data.slice(at, at + batch.length[i])
      try {
        hear({ timeUs: batch.timeUs[i], id, ext, flags, data })
      } catch (error) {
        this.broken(error)
      }
    }
  }

  #index(): void {
    const filters = [...this.#listeners].flatMap((listening) => listening.filters)
    const standard = filters.filter((filter) => !isExt(filter))
    this.#extended = filters.filter(isExt)
    for (let id = 0; id < 0x800; id++) {
      this.#standard[id] = standard.some((filter) => matches(filter, id, false)) ? 1 : 0
    }
    for (const listener of [...this.#changed]) {
      try {
        listener()
      } catch (error) {
        this.broken(error)
      }
    }
  }
}
