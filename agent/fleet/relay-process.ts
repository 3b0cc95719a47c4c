// A depot's relay in a process of its own, to be killed: takes a `RelayConfig`, says how it is twice
// a second, and ends in order when its parent lets go of it.
import { Relay, type RelayConfig } from '../../sync/relay/relay.ts'

const TELL_MS = 250

const relay = Relay.start(JSON.parse(process.argv[2]) as RelayConfig)
const telling = setInterval(() => {
  const { user, system } = process.cpuUsage()
  process.send!({ ...relay.status(), cpuSec: (user + system) / 1e6 })
}, TELL_MS)
process.on('disconnect', async () => {
  clearInterval(telling)
  await relay.close()
  process.exit(0)
})
