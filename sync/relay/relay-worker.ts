import { parentPort, workerData } from 'node:worker_threads'
import { complaintOf } from '../status.ts'
import { Relay, type RelayConfig } from './relay.ts'

const TICK_MS = 1_000

const port = parentPort!
try {
  const relay = Relay.start(workerData as RelayConfig)
  const tell = () => {
    try {
      port.postMessage({ kind: 'status', status: relay.status() })
    } catch (error) {
      // A store that cannot be read now: the intake says so in its next status.
      port.postMessage({ kind: 'trouble', error: complaintOf(error) })
    }
  }
  const tick = setInterval(tell, TICK_MS)
  port.once('message', async () => {
    clearInterval(tick)
    await relay.close()
    port.postMessage({ kind: 'closed' })
    port.close()
  })
  port.postMessage({ kind: 'started', status: relay.status() })
} catch (error) {
  port.postMessage({ kind: 'refused', error: complaintOf(error) })
  port.close()
}
