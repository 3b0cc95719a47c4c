import { parentPort, workerData } from 'node:worker_threads'
import { createKafkaUplink, type KafkaUplinkConfig } from '../kafka/kafka-uplink.ts'
import { Pump } from '../pump.ts'
import type { UplinkStatus } from '../status.ts'
import type { ThreadWord } from '../thread-life.ts'
import type { Positions } from '../uplink.ts'
import type { ForwardLimits, RelayLimits } from './limits.ts'
import { Refusals } from './refusals.ts'
import { ownerOf, RelaySource } from './relay-source.ts'
import { RelayStore } from './store.ts'

/** What the thread is started with. */
export interface ForwardConfig {
  readonly path: string
  readonly name: string
  readonly bootId: string
  readonly kafka: KafkaUplinkConfig
  readonly limits: RelayLimits & ForwardLimits
}

/** What it is told: there is more; or to end. */
export type ToForwarder = 'kept' | 'close'

/** How it stands. */
export interface Forwarding {
  readonly uplink: UplinkStatus
  /** What Kafka has; zeros until it was asked. */
  readonly acked: Positions
  /** Records that Kafka refused since the thread began, and the last one of them. */
  readonly refused: number
  readonly lastRefusal?: string
}

/** What it tells beside its `ThreadWord`s: how it is; that Kafka has these. */
export type FromForwarder =
  | { readonly kind: 'status'; readonly now: Forwarding }
  | { readonly kind: 'release'; readonly positions: Positions }

const TELL_MS = 250

const port = parentPort!
const post = (message: FromForwarder | ThreadWord<Forwarding>) => port.postMessage(message)
const { path, name, bootId, kafka, limits } = workerData as ForwardConfig
const store = RelayStore.open(path, limits)
const refusals = new Refusals(store, name, bootId)
const source = new RelaySource(`${name}.relay`, store, refusals, (positions) =>
  post({ kind: 'release', positions }),
)
const pump = new Pump({
  kind: 'kafka',
  source: () => source,
  makeUplink: () => createKafkaUplink(kafka, ownerOf),
  limits,
})

function now(): Forwarding {
  const { count, last } = refusals
  const { acked } = source
  return { uplink: pump.status(), acked, refused: count, ...(last && { lastRefusal: last }) }
}

const telling = setInterval(() => post({ kind: 'status', now: now() }), TELL_MS)
port.on('message', async (message: ToForwarder) => {
  if (message === 'kept') pump.notify()
  else {
    clearInterval(telling)
    // What waits is forwarded at the next start.
    await pump.close(0)
    const last = now()
    store.close()
    post({ kind: 'closed', status: last })
    port.close()
  }
})
pump.start()
post({ kind: 'started', status: now() })
