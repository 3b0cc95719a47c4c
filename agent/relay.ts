import { type RelayStatus, RelayThread } from '../sync/relay/relay-thread.ts'
import { bootId } from './clock.ts'
import type { LoadedConfig } from './config/load.ts'
import { relayPath } from './data-dir.ts'
import type { Logger } from './log.ts'
import type { Part, PartContext } from './part.ts'

const LOOK_MS = 1_000

export function relayPart({ config, log }: PartContext): Promise<Part | undefined> {
  return AgentRelay.start(config, log)
}

/** The part of an agent that relays other vehicles' records, where its config says so. */
class AgentRelay implements Part {
  readonly name = 'relay'
  readonly #thread: RelayThread
  readonly #looking: NodeJS.Timeout
  #state = ''
  #refused = 0

  /** Undefined where the config has no `relay`. Rejects where the store cannot be opened. */
  static async start(config: LoadedConfig, log: Logger): Promise<AgentRelay | undefined> {
    const { relay, uplink, vehicle, dataDir } = config
    if (!relay || uplink.kind !== 'kafka') return undefined
    const { broker, maxMiB, ...limits } = relay
    const thread = await RelayThread.start({
      path: relayPath(dataDir),
      name: vehicle,
      bootId: bootId(),
      broker,
      kafka: uplink,
      limits: { ...limits, maxBytes: maxMiB * 2 ** 20 },
    })
    return new AgentRelay(thread, log)
  }

  private constructor(thread: RelayThread, log: Logger) {
    this.#thread = thread
    this.#looking = setInterval(() => this.#look(log), LOOK_MS)
  }

  status(): RelayStatus {
    return this.#thread.status()
  }

  async stop(): Promise<void> {
    clearInterval(this.#looking)
    await this.#thread.close()
  }

  #look(log: Logger): void {
    const { state, lastError, forward, refusedByKafka, lastRefusal } = this.status()
    const now = `${state}, forwarding ${forward.state}`
    if (now !== this.#state) {
      this.#state = now
      const good = state === 'live' && forward.state === 'live'
      log[good ? 'info' : 'warn']({ ...(lastError ?? forward.lastError) }, `relay is ${now}`)
    }
    if (refusedByKafka > this.#refused) {
      this.#refused = refusedByKafka
      log.error({ refusedByKafka, lastRefusal }, 'Kafka refused a relayed record; it is put aside')
    }
  }
}
