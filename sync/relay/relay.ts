import { SyncError } from '../errors.ts'
import type { KafkaUplinkConfig } from '../kafka/kafka-uplink.ts'
import type { MqttConnection } from '../mqtt/connection.ts'
import { requireTopicLevel } from '../mqtt/wire.ts'
import { defined } from '../sync-options.ts'
import type { Positions } from '../uplink.ts'
import { ForwardThread } from './forward-thread.ts'
import { Intake } from './intake.ts'
import { type AllRelayLimits, DEFAULT_LIMITS } from './limits.ts'
import type { RelayStatus } from './status.ts'
import { RelayStore } from './store.ts'

export interface RelayConfig {
  /** The store's file; its folder is made. */
  readonly path: string
  /** The depot's own name: its session at the broker and its transactions are kept under it. */
  readonly name: string
  /** Names this boot in records of its own. */
  readonly bootId?: string
  readonly broker: MqttConnection
  readonly kafka: KafkaUplinkConfig
  readonly limits?: Partial<AllRelayLimits>
}

/** A depot's relay: records of vehicles from a broker into a store, and from there into Kafka. */
export class Relay {
  readonly #store: RelayStore
  readonly #intake: Intake
  readonly #forwarder: ForwardThread

  /** Opens the store; throws `OUTBOX_*` where it cannot be. Broker and Kafka may come later. */
  static start(config: RelayConfig): Relay {
    return new Relay(config)
  }

  private constructor(config: RelayConfig) {
    const { path, name, bootId = 'unknown', broker, kafka, limits: given = {} } = config
    requireTopicLevel(name)
    const limits = { ...DEFAULT_LIMITS, ...defined(given) }
    const { maxBytes, maxVehicles, maxEpochsPerVehicle } = limits
    if (kafka.delivery === 'at-least-once') {
      throw new SyncError('OUTBOX_CONFIG', 'A relay forwards exactly once or not at all', {
        hint: 'Remove delivery: at-least-once from the uplink of the depot.',
      })
    }
    this.#store = RelayStore.open(path, { maxBytes, maxVehicles, maxEpochsPerVehicle })
    this.#forwarder = new ForwardThread({ path, name, bootId, kafka, limits }, (positions) =>
      this.#release(positions),
    )
    this.#intake = new Intake({
      broker,
      clientId: `milepost-relay-${name}`,
      store: this.#store,
      limits,
      kept: () => this.#forwarder.notify(),
    })
    this.#intake.start()
  }

  status(): RelayStatus {
    const { refused, lastRefusal, acked } = this.#forwarder
    const { waiting, vehicles } = this.#store.stat(acked)
    const { state, sinceUs, lastError, counts } = this.#intake
    return {
      timeUs: Date.now() * 1000,
      state,
      sinceUs,
      ...(lastError && { lastError }),
      counts,
      vehicles,
      waiting,
      refusedByKafka: refused,
      ...(lastRefusal && { lastRefusal }),
      forward: this.#forwarder.status,
    }
  }

  /** Where the store cannot do it now, the forwarder says so again with its next records. */
  #release(positions: Positions): void {
    try {
      this.#store.release(positions)
    } catch (error) {
      if (!(error instanceof SyncError)) throw error
    }
  }

  /** Keeps what was received and ends; what waits is forwarded at the next start. */
  async close(): Promise<void> {
    await this.#intake.close()
    await this.#forwarder.close()
    this.#store.close()
  }
}
