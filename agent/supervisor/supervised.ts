import { setTimeout as sleep } from 'node:timers/promises'
import type { FrameChannel, FrameSender, WantedIds } from '../../sensors/can/channel.ts'
import type { FrameBatch } from '../../sensors/frame.ts'
import type { ReadingBatch, SignalCatalog } from '../../sensors/reading.ts'
import type { Clock, DropCause, Sensor, SensorContext } from '../../sensors/sensor.ts'
import { stopUnder } from '../../sensors/wait.ts'
import { Backoff } from '../../sync/backoff.ts'
import type { SensorPlan } from '../config/sensors.ts'
import { type Complaint, complaintOf } from '../error.ts'
import { type Gap, Gaps } from './gaps.ts'
import { lookEvery } from './look.ts'
import { Rhythm } from './rhythm.ts'
import type { SensorState, SensorStatus } from './sensor-status.ts'

/** What a supervised sensor needs from the agent. */
export interface SupervisedHost {
  readonly catalog: SignalCatalog
  readonly clock: Clock
  frames(batch: FrameBatch): void
  readings(batch: ReadingBatch): void
  /** Keeps what a sensor tells beyond numbers; `timeUs` is wall time. */
  event(sensor: string, type: string, content: Record<string, unknown>, timeUs: number): void
  /** Time of day as a sensor's device knows it. */
  timeSeen(sensor: string, utcUs: number, monoUs: number): void
  /** What of its bus a sensor may use. */
  bus(index: number): FrameChannel & WantedIds & { offer(sender: FrameSender): () => void }
  changed(status: SensorStatus): void
  /** Takes what any of the above threw: that is no fault of the sensor that called. */
  caught(cause: string, error: unknown): void
}

const RETRY_FIRST_MS = 500
const RETRY_MAX_MS = 30_000
/** How often it is looked whether a sensor is too quiet for its own rhythm. */
const LOOK_MS = 1000

/** One sensor kept alive: opened, watched for silence, reopened, and told of. */
export class Supervised {
  readonly plan: SensorPlan
  /** Settles when the sensor has opened for the first time, given up on that, or is to stop. */
  readonly firstOpen: Promise<void>
  /** Settles when it will deliver nothing more: its source ended, or it was stopped. */
  ended: Promise<void> = Promise.resolve()

  readonly #sensor: Sensor
  readonly #bus: number
  readonly #host: SupervisedHost
  readonly #backoff = new Backoff(RETRY_FIRST_MS, RETRY_MAX_MS)
  readonly #rhythm = new Rhythm()
  readonly #gaps = new Gaps()
  readonly #dropped: Partial<Record<DropCause, number>> = {}
  #state: SensorState = 'starting'
  #sinceUs: number
  #frames = 0
  #readings = 0
  #opens = 0
  #lastError: Complaint | undefined
  #device: Readonly<Record<string, number | string>> | undefined
  #opened!: () => void
  #failed!: (error: unknown) => void

  constructor(plan: SensorPlan, bus: number, host: SupervisedHost) {
    this.plan = plan
    this.#bus = bus
    this.#host = host
    this.#sensor = plan.kind.create(plan.config)
    this.#sinceUs = host.clock.nowUs()
    this.firstOpen = new Promise((resolve, reject) => {
      this.#opened = resolve
      this.#failed = reject
    })
    this.firstOpen.catch(() => {})
  }

  start(signal: AbortSignal): void {
    signal.addEventListener('abort', () => this.#opened(), { once: true })
    // A source that ends without ever having opened is not waited for either.
    this.ended = this.#live(signal).finally(() => this.#opened())
  }

  /** Asks the sensor for something out of turn; false: it cannot, or not now. */
  fetch(what: string): boolean {
    return this.#state === 'live' && (this.#sensor.fetch?.(what) ?? false)
  }

  /** The sensor itself, for what only some of them can. */
  get sensor(): Sensor {
    return this.#sensor
  }

  status(): SensorStatus {
    return {
      id: this.plan.common.id,
      kind: this.plan.kind.kind,
      bus: this.plan.common.bus,
      state: this.#state,
      sinceUs: this.#sinceUs,
      lastDataUs: this.#gaps.lastDataUs,
      frames: this.#frames,
      readings: this.#readings,
      opens: this.#opens,
      gaps: this.#gaps.count,
      gapMs: this.#gaps.lengthMs,
      dropped: { ...this.#dropped },
      ...(this.#device ? { device: this.#device } : {}),
      ...(this.#lastError ? { lastError: this.#lastError } : {}),
    }
  }

  async #live(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#runOnce(signal)
        if (this.#state !== 'stale') return this.#enter('off')
        this.#gaps.begin('SILENT')
        this.#rhythm.reopened(this.#host.clock.monoUs())
      } catch (error) {
        if (signal.aborted) break
        this.#lastError = complaintOf(error)
        this.#rhythm.lost()
        this.#gaps.begin(this.#lastError.code)
        if (this.#isFinal(this.#lastError.code)) {
          this.#enter('failed')
          // Of no consequence once it was open.
          if (this.plan.common.onStartFail === 'fail') this.#failed(error)
          else this.#opened()
          return
        }
        if (this.#opens === 0) this.#opened()
      }
      this.#enter('recovering')
      await sleep(this.#backoff.nextMs(), undefined, { signal }).catch(() => {})
    }
    this.#enter('off')
  }

  /** Whether another try is not wanted, or is in vain: what may be sent is in the config, not in the vehicle. */
  #isFinal(code: string): boolean {
    if (code === 'SEND_DENIED') return true
    return this.#opens === 0 && this.plan.common.onStartFail !== 'retry'
  }

  /** One opening of the device, until it ends, fails, falls silent or is stopped. */
  async #runOnce(outer: AbortSignal): Promise<void> {
    const silence = stopUnder(outer)
    const watch = this.#watchSilence(() => {
      if (this.#state !== 'live') return
      this.#enter('stale')
      silence.abort()
    })
    try {
      await this.#sensor.run(this.#context(), silence.signal)
    } finally {
      clearInterval(watch)
      silence.abort()
    }
  }

  /** Calls back when the sensor has been silent for too long, by the config or by its own rhythm. */
  #watchSilence(silent: () => void): NodeJS.Timeout | undefined {
    const { common, kind } = this.plan
    if (common.staleAfterMs === 'auto') {
      if (!kind.rhythmic) return undefined
      const { clock } = this.#host
      return lookEvery(LOOK_MS, () => this.#rhythm.tooQuiet(clock.monoUs()), silent)
    }
    if (common.staleAfterMs === 0) return undefined
    let seen = this.#frames + this.#readings
    const same = (): boolean => {
      const before = seen
      seen = this.#frames + this.#readings
      return seen === before
    }
    return lookEvery(common.staleAfterMs, same, silent)
  }

  #context(): SensorContext {
    const { catalog, clock } = this.#host
    const bus = this.#host.bus(this.#bus)
    const alive = (): void => {
      const monoUs = clock.monoUs()
      this.#rhythm.heard(monoUs)
      const gap = this.#gaps.heard(clock.nowUs(), monoUs)
      if (gap) this.#tellGap(gap)
      this.#backoff.reset()
    }
    return {
      id: this.plan.common.id,
      bus: this.#bus,
      catalog,
      clock,
      opened: () => {
        this.#opens++
        this.#lastError = undefined
        this.#enter('live')
        this.#opened()
      },
      frames: (batch) => {
        this.#frames += batch.count
        alive()
        this.#fenced('frames', () => this.#host.frames(batch))
      },
      readings: (batch) => {
        this.#readings += batch.count
        alive()
        this.#fenced('readings', () => this.#host.readings(batch))
      },
      event: (type, content, timeUs = clock.nowUs()) => {
        this.#fenced('event', () => this.#host.event(this.plan.common.id, type, content, timeUs))
      },
      timeSeen: (utcUs, monoUs) =>
        this.#fenced('time', () => this.#host.timeSeen(this.plan.common.id, utcUs, monoUs)),
      dropped: (cause, count) => {
        this.#dropped[cause] = (this.#dropped[cause] ?? 0) + count
      },
      device: (facts) => {
        this.#device = facts
      },
      channel: bus,
      wanted: bus,
      offerSending: (sender) => bus.offer(sender),
    }
  }

  /** Data is here again: the gap becomes a record, so that history shows it. */
  #tellGap({ cause, fromUs, durationMs }: Gap): void {
    const { common, kind } = this.plan
    const content = { kind: kind.kind, bus: common.bus, cause, fromUs, durationMs }
    this.#fenced('event', () =>
      this.#host.event(common.id, 'milepost.sensor.gap.v1', content, this.#gaps.lastDataUs),
    )
  }

  #enter(state: SensorState): void {
    if (state === this.#state) return
    this.#state = state
    this.#sinceUs = this.#host.clock.nowUs()
    this.#fenced('state', () => this.#host.changed(this.status()))
  }

  /** What the agent does with a sensor's data is not the sensor's fault: it goes on reading. */
  #fenced(what: string, step: () => void): void {
    try {
      step()
    } catch (error) {
      this.#host.caught(`${what} of ${this.plan.common.id}`, error)
    }
  }
}
