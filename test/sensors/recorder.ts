import type { FrameSender, WantedIds } from '../../sensors/can/channel.ts'
import { VirtualBus } from '../../sensors/can/virtual-bus.ts'
import { FRAME_STRIDE, type FrameBatch } from '../../sensors/frame.ts'
import { type ReadingBatch, SignalCatalog } from '../../sensors/reading.ts'
import type { Clock, DropCause, SensorContext } from '../../sensors/sensor.ts'

/** Far more than a loaded machine needs; what has not come by then does not come. */
const LIMIT_MS = 60_000

/** One frame as a test compares it. */
export interface SeenFrame {
  timeUs: number
  bus: number
  id: number
  flags: number
  data: string
}

/** A clock that stands until the test moves it. */
export class HandClock implements Clock {
  mono = 5_000_000
  wall = 1_700_000_000_000_000

  nowUs(): number {
    return this.wall
  }

  monoUs(): number {
    return this.mono
  }

  advance(us: number): void {
    this.mono += us
    this.wall += us
  }
}

/** The agent's side of a sensor, which keeps all that it is given. */
export class Recorder implements SensorContext {
  readonly id = 'under-test'
  readonly bus = 3
  readonly catalog = new SignalCatalog()
  readonly clock: Clock
  readonly seen: SeenFrame[] = []
  readonly told: { name: string; value: number; timeUs: number }[] = []
  /** What was told that is no number. */
  readonly events: { type: string; content: Record<string, unknown> }[] = []
  /** Times of day that were offered. */
  readonly times: { utcUs: number; monoUs: number }[] = []
  readonly drops: Partial<Record<DropCause, number>> = {}
  /** How the sensor under test sends, while it offers to. */
  sender: FrameSender | undefined
  /** What the device said of itself last. */
  facts: Readonly<Record<string, number | string>> = {}
  readonly wanted: WantedIds = { current: () => undefined, onChange: () => () => {} }
  /** A bus of its own; `channel` is the sensor's end of it. */
  readonly wire: VirtualBus
  readonly channel
  opens = 0
  #waiting: ((late: boolean) => void)[] = []
  #error: unknown

  constructor(clock: Clock) {
    this.clock = clock
    this.wire = new VirtualBus(clock)
    this.channel = this.wire.channel()
  }

  opened(): void {
    this.opens++
    this.#wake()
  }

  frames(batch: FrameBatch): void {
    for (let i = 0; i < batch.count; i++) {
      const at = i * FRAME_STRIDE
      this.seen.push({
        timeUs: batch.timeUs[i],
        bus: batch.bus[i],
        id: batch.id[i],
        flags: batch.flags[i],
        data: Buffer.from(batch.data.subarray(at, at + batch.length[i])).toString('hex'),
      })
    }
    this.#wake()
  }

  readings(batch: ReadingBatch): void {
    for (let i = 0; i < batch.count; i++) {
      const { name } = this.catalog.at(batch.signal[i])
      this.told.push({ name, value: batch.value[i], timeUs: batch.timeUs[i] })
    }
    this.#wake()
  }

  event(type: string, content: Record<string, unknown>): void {
    this.events.push({ type, content })
    this.#wake()
  }

  timeSeen(utcUs: number, monoUs: number): void {
    this.times.push({ utcUs, monoUs })
    this.#wake()
  }

  dropped(cause: DropCause, count: number): void {
    this.drops[cause] = (this.drops[cause] ?? 0) + count
    this.#wake()
  }

  device(facts: Readonly<Record<string, number | string>>): void {
    this.facts = facts
    this.#wake()
  }

  offerSending(sender: FrameSender): () => void {
    this.sender = sender
    return () => {
      this.sender = undefined
    }
  }

  /**
   * Resolves as soon as the condition holds; it is looked at whenever the sensor calls. Rejects, with
   * what the sensor came to, when it does not come.
   */
  async until(condition: () => boolean): Promise<void> {
    const tooLong = setTimeout(() => this.#wake(true), LIMIT_MS)
    try {
      while (!condition()) {
        const late = await new Promise<boolean>((resolve) => this.#waiting.push(resolve))
        if (late && !condition()) throw this.#inVain(condition)
      }
    } finally {
      clearTimeout(tooLong)
    }
  }

  /** To be told how a run of the sensor ended, for a wait in vain to say it. */
  ended(error: unknown): void {
    this.#error = error
  }

  #inVain(condition: () => boolean): Error {
    const { opens, drops, facts } = this
    const state = { opens, seen: this.seen.length, told: this.told.length, drops, facts }
    const message = `waited in vain for ${condition}: ${JSON.stringify(state)}`
    return new Error(message, { cause: this.#error })
  }

  #wake(late = false): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve(late)
  }
}
