import { SensorError } from '../errors.ts'
import type { Clock } from '../sensor.ts'
import { type ChannelFrame, type FrameChannel, type IdFilter, matchesAny } from './channel.ts'
import { flagsToSend } from './frame-check.ts'

/** Frames under way at once; a sender beyond it is told DEVICE_BUSY. */
const MAX_QUEUED = 4096

interface Listener {
  readonly channel: VirtualChannel
  readonly filters: readonly IdFilter[]
  readonly hear: (frame: ChannelFrame) => void
}

/**
 * A CAN bus inside this process: what one channel sends, all others hear, in the order in which it
 * was sent and never within the call of `send`. It is the simulator's ECUs' way to the sensors, and
 * the tests' bus.
 */
export class VirtualBus {
  readonly name: string
  /** While true the wire is cut: sending is refused with DEVICE_LOST, what is under way is lost. */
  down = false
  /** Frames that were delivered. */
  carried = 0
  readonly #clock: Clock
  readonly #listeners = new Set<Listener>()
  #queue: { from: VirtualChannel; frame: ChannelFrame }[] = []
  #scheduled = false
  #idle: (() => void)[] = []

  constructor(clock: Clock, name = 'can0') {
    this.#clock = clock
    this.name = name
  }

  /** A new node on the bus. It may send every identifier: what may be sent is the agent's to say. */
  channel(): FrameChannel {
    return new VirtualChannel(this)
  }

  /** Resolves once nothing is under way. */
  settled(): Promise<void> {
    if (!this.#scheduled) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  /** For channels. */
  carry(from: VirtualChannel, id: number, ext: boolean, data: Uint8Array, flags: number): void {
    const checked = flagsToSend(id, ext, data, flags)
    if (this.down) {
      throw new SensorError('DEVICE_LOST', `Bus ${this.name} is down.`, {
        hint: 'Bring the bus up again.',
      })
    }
    if (this.#queue.length >= MAX_QUEUED) {
      throw new SensorError('DEVICE_BUSY', `${MAX_QUEUED} frames are under way on ${this.name}.`)
    }
    const frame = { timeUs: this.#clock.nowUs(), id, ext, flags: checked, data: data.slice() }
    this.#queue.push({ from, frame })
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#deliver())
  }

  /** For channels. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #deliver(): void {
    const queue = this.#queue
    this.#queue = []
    for (const { from, frame } of queue) {
      if (this.down) break
      this.carried++
      for (const { channel, filters, hear } of [...this.#listeners]) {
        if (channel === from || !matchesAny(filters, frame.id, frame.ext)) continue
        hear({ ...frame, data: frame.data.slice() })
      }
    }
    if (this.#queue.length > 0) {
      setImmediate(() => this.#deliver())
      return
    }
    this.#scheduled = false
    const idle = this.#idle
    this.#idle = []
    for (const resolve of idle) resolve()
  }
}

class VirtualChannel implements FrameChannel {
  readonly #bus: VirtualBus

  constructor(bus: VirtualBus) {
    this.#bus = bus
  }

  get bus(): string {
    return this.#bus.name
  }

  send(id: number, ext: boolean, data: Uint8Array, flags = 0): void {
    this.#bus.carry(this, id, ext, data, flags)
  }

  onFrame(filters: readonly IdFilter[], hear: (frame: ChannelFrame) => void): () => void {
    return this.#bus.listen({ channel: this, filters: [...filters], hear })
  }
}
