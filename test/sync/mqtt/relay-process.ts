// A relay as a process of its own, to be killed: says that it runs once the broker has it, and each time
// that all it had has been forwarded.
import { setTimeout as sleep } from 'node:timers/promises'
import { Relay, type RelayConfig } from '../../../sync/relay/relay.ts'

const LOOK_MS = 250

const relay = Relay.start(JSON.parse(process.argv[2]) as RelayConfig)
while (relay.status().state !== 'live') await sleep(10)
console.log('live')
for (let told = -1; ; await sleep(LOOK_MS)) {
  const { waiting, counts, forward } = relay.status()
  if (process.env.MILEPOST_RELAY_VERBOSE) {
    const { user, system } = process.cpuUsage()
    console.error(
      JSON.stringify({
        waiting: waiting.telemetry,
        kept: counts.kept,
        sent: forward.sentRecords,
        cpuMs: Math.round((user + system) / 1000),
        state: forward.state,
        err: forward.lastError?.message,
      }),
    )
  }
  if (waiting.critical + waiting.events + waiting.telemetry > 0 || counts.kept === told) continue
  told = counts.kept
  console.log(`forwarded ${counts.kept}`)
}
