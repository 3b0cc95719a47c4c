// Run as a process of its own by the upgrade test: the first step on an older outbox, and its end by force.
import { writeSync } from 'node:fs'
import { Outbox } from '../../sync/outbox/outbox.ts'

const outbox = Outbox.open({ path: process.argv[2], vehicle: 'v1', bootId: 'b' })
outbox.release({ critical: 0, events: 4, telemetry: 0 })
writeSync(1, 'done\n')
process.kill(process.pid, 'SIGKILL')
