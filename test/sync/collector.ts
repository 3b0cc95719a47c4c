// Run as a process of its own by the kill test: appends through `Sync`, and says what is kept.
import { writeSync } from 'node:fs'
import { LANES } from '../../sync/record.ts'
import { Sync } from '../../sync/sync-thread.ts'
import { record } from './support.ts'

const [path] = process.argv.slice(2)
const sync = await Sync.start({
  outbox: { path, vehicle: 'v1', bootId: 'b', groupCommitMs: 5 },
  uplink: { kind: 'none' },
})
for (let total = 0; ; ) {
  for (let i = 0; i < 200; i++) sync.append(record(LANES[i % 3], `${total++}`))
  await sync.flush()
  writeSync(1, `${total}\n`)
}
