// A thread that does as it is told: `die`, `throw`, or the word to end; refuses to start where its data says so.
import { parentPort, workerData } from 'node:worker_threads'

const port = parentPort!
if (workerData === 'refuse') {
  port.postMessage({ kind: 'refused', error: { code: 'OUTBOX_LOCKED', message: 'not today' } })
} else {
  port.postMessage({ kind: 'started', status: 'well' })
  port.on('message', (word: string) => {
    if (word === 'die') process.exit(3)
    if (word === 'throw') throw new Error('a fault of mine')
    if (word === 'end') {
      port.postMessage({ kind: 'closed', status: 'ended well' })
      port.close()
    } else port.postMessage({ kind: 'echo', word })
  })
}
