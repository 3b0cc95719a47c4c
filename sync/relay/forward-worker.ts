import { parentPort, workerData } from 'node:worker_threads'
import { createKafkaUplink, type KafkaUplinkConfig } from '../kafka/kafka-uplink.ts'
import type { Complaint, UplinkStatus } from '../status.ts'
import type { Positions } from '../uplink.ts'
import { Forwarder, ownerOf } from './forwarder.ts'
import type { ForwardLimits } from './limits.ts'
import { Refusals } from './refusals.ts'
import { type RelayLimits, RelayStore } from './store.ts'

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

/** What it tells: how it is; that Kafka has these; that it has ended. */
export type FromForwarder =
  | { kind: 'status'; status: UplinkStatus; refused: number; lastRefusal: string | undefined }
  | { kind: 'release'; positions: Positions }
  | { kind: 'closed'; error?: Complaint }

const TELL_MS = 250

const port = parentPort!
const { path, name, bootId, kafka, limits } = workerData as ForwardConfig
const store = RelayStore.open(path, limits)
const refusals = new Refusals(store, name, bootId)
const forwarder = new Forwarder({
  ...{ store, refusals, limits, name: `${name}.relay` },
  makeUplink: async () => createKafkaUplink(kafka, ownerOf),
  release: (positions) => post({ kind: 'release', positions }),
})
forwarder.start()
const telling = setInterval(tell, TELL_MS)
tell()
port.on('message', async (message: ToForwarder) => {
  if (message === 'kept') forwarder.notify()
  else {
    clearInterval(telling)
    await forwarder.close()
    tell()
    store.close()
    post({ kind: 'closed' })
    port.close()
  }
})

function tell(): void {
  const { count, last } = refusals
  post({ kind: 'status', status: forwarder.status(), refused: count, lastRefusal: last })
}

function post(message: FromForwarder): void {
  port.postMessage(message)
}
