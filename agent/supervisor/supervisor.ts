import type { SensorPlan } from '../config/sensors.ts'
import { type SensorStatus, Supervised, type SupervisedHost } from './supervised.ts'

/** All sensors of the agent, each kept alive on its own. */
export class Supervisor {
  readonly #sensors: readonly Supervised[]
  readonly #stop = new AbortController()

  constructor(
    plans: readonly SensorPlan[],
    busIndex: (name: string) => number,
    host: SupervisedHost,
  ) {
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
      await this.stop()
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

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.ended()
  }
}
