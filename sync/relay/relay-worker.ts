import { parentPort, workerData } from 'node:worker_threads'
import { complaintOf } from '../status.ts'
import type { ThreadWord } from '../thread-life.ts'
import { Relay, type RelayConfig } from './relay.ts'
import type { FromRelay, RelayStatus } from './relay-thread.ts'

const TICK_MS = 1_000

const port = parentPort!
const post = (message: FromRelay | ThreadWord<RelayStatus>) => port.postMessage(message)
try {
  const relay = Relay.start(workerData as RelayConfig)
  const tell = () => {
    try {
      post({ kind: 'status', status: relay.status() })
    } catch (error) {
      // A store that cannot be read now: the intake says so in its next status.
      post({ kind: 'trouble', error: complaintOf(error) })
    }
  }
  const tick = setInterval(tell, TICK_MS)
  port.once('message', async () => {
    clearInterval(tick)
    await relay.close()
    post({ kind: 'closed' })
    port.close()
  })
  post({ kind: 'started', status: relay.status() })
} catch (error) {
  post({ kind: 'refused', error: complaintOf(error) })
  port.close()
}
