import type { SensorPlan } from '../config/sensors.ts'
import { AgentError, complaintOf } from '../error.ts'
import { within } from '../taking-down.ts'
import type { CodeReader } from '../trouble-codes/code-reader.ts'
import type { SensorStatus } from './sensor-status.ts'
import { Supervised, type SupervisedHost } from './supervised.ts'

/** Longest time that a sensor may take to close its device. */
const STOP_LIMIT_MS = 5_000

/** All sensors of the agent, each kept alive on its own. */
export class Supervisor {
  readonly #sensors: readonly Supervised[]
  readonly #stop = new AbortController()
  readonly #stopLimitMs: number

  constructor(
    plans: readonly SensorPlan[],
    busIndex: (name: string) => number,
    host: SupervisedHost,
    { stopLimitMs = STOP_LIMIT_MS }: { stopLimitMs?: number } = {},
  ) {
    this.#stopLimitMs = stopLimitMs
    this.#sensors = plans.map((plan) => new Supervised(plan, busIndex(plan.common.bus), host))
  }

  /**
   * Starts every sensor. Resolves once each has opened or is being retried; rejects, with all of
   * them stopped, where one that must not fail at the start has failed. Resolves at once when `signal`
   * aborts: the sensors are then told to stop.
   */
  async start(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return this.#stop.abort()
    signal?.addEventListener('abort', () => this.#stop.abort(), { once: true })
    for (const sensor of this.#sensors) sensor.start(this.#stop.signal)
    try {
      await Promise.all(this.#sensors.map((sensor) => sensor.firstOpen))
    } catch (error) {
      // The error of the start is the one to tell; a sensor that does not end is shown in its status.
      await this.stop().catch(() => {})
      throw error
    }
  }

  /** Settles when no sensor will deliver anything more. */
  async ended(): Promise<void> {
    await Promise.all(this.#sensors.map((sensor) => sensor.ended))
  }

  status(): SensorStatus[] {
    return this.#sensors.map((sensor) => sensor.status())
  }

  /** Asks a sensor for something out of turn; false: there is no such sensor, or it cannot now. */
  fetch(id: string, what: string): boolean {
    return this.#sensors.find(({ plan }) => plan.common.id === id)?.fetch(what) ?? false
  }

  /** Those that read trouble codes. */
  codeReaders(): CodeReader[] {
    return this.#sensors.flatMap(({ plan, sensor }) => {
      const { codes, clearCodes } = sensor
      if (!codes) return []
      const { id } = plan.common
      const clear = clearCodes ? { clear: () => clearCodes.call(sensor) } : {}
      return [{ sensor: id, kind: plan.kind.kind, codes: () => codes.call(sensor), ...clear }]
    })
  }

  /** Stops every sensor. Rejects with `STOP_TIMEOUT`, naming those that did not end in time. */
  async stop(): Promise<void> {
    this.#stop.abort()
    const ends = this.#sensors.map(({ plan, ended }) =>
      within(this.#stopLimitMs, `sensor ${plan.common.id}`, ended),
    )
    const failed = (await Promise.allSettled(ends)).filter((end) => end.status === 'rejected')
    if (failed.length === 0) return
    const reasons = failed.map(({ reason }) => complaintOf(reason).message)
    throw new AgentError('STOP_TIMEOUT', reasons.join('; '))
  }
}
