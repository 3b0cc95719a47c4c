// A vehicle under load in a process of its own, for a test that stops it as a suspended machine stops:
// gives a record to each lane every few milliseconds until a line comes in, then ends once all is away.
import { LANES } from '../../../sync/record.ts'
import { Sync, type SyncOptions } from '../../../sync/sync-thread.ts'
import { until } from '../../support/until.ts'
import { record } from '../support.ts'

const EVERY_MS = 5

const options = JSON.parse(process.argv[2]) as SyncOptions
const sync = await Sync.start(options)
let given = 0
const timer = setInterval(() => {
  const monoUs = Number(process.hrtime.bigint() / 1000n)
  for (const lane of LANES)
    sync.append(record(lane, `${given}`, { monoUs, timeUs: Date.now() * 1000 }))
  given++
  const { sentRecords, state } = sync.status().uplink
  process.stdout.write(`${sentRecords} ${state}\n`)
}, EVERY_MS)
process.stdin.once('data', async () => {
  clearInterval(timer)
  await sync.flush()
  const flushedUs = sync.status().timeUs
  await until('all is away', () => {
    const { timeUs, lanes } = sync.status()
    return timeUs > flushedUs && LANES.every((lane) => lanes[lane].records === 0)
  })
  await sync.close()
  process.stdout.write(`given ${given}\n`, () => process.exit(0))
})
