// One vehicle's way out in a process of its own, so that its memory is its own.
// `grow PATH MARK …`: fills an outbox that sends nothing; at each number of records a line of JSON.
// `drain PATH BOOTSTRAP CHECKPOINTS TOPIC`: sends all of it; one line at the end.
import { setTimeout as sleep } from 'node:timers/promises'
import { LANES } from '../../../sync/record.ts'
import { Sync, type UplinkConfig } from '../../../sync/sync-thread.ts'
import { recordOf } from '../uplink/round.ts'

const MIB = 1024 ** 2
/** Appended before the disk is waited for: well within the queue's bound. */
const STEP_RECORDS = 5_000
const LOOK_MS = 50

const [what, path, ...rest] = process.argv.slice(2)
const start = (uplink: UplinkConfig) =>
  Sync.start({
    outbox: { path, vehicle: 'bench-truck', bootId: 'b', maxBytes: 8 * 1024 * MIB },
    uplink,
  })
const tell = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`)

if (what === 'grow') await grow(rest.map(Number))
else await drain()
process.exit(0)

async function grow(marks: readonly number[]): Promise<void> {
  const sync = await start({ kind: 'none' })
  let records = 0
  for (const mark of marks) {
    while (records < mark) {
      const end = Math.min(mark, records + STEP_RECORDS)
      while (records < end) sync.append(recordOf(++records))
      await sync.flush()
    }
    const { telemetry } = sync.status().lanes
    if (telemetry.records !== mark) throw new Error(`${telemetry.records} kept, not ${mark}`)
    const { fileBytes } = sync.status().outbox
    tell({ records, rssMiB: process.memoryUsage().rss / MIB, fileMiB: fileBytes / MIB })
  }
  await sync.close()
}

async function drain(): Promise<void> {
  const [broker, checkpointTopic, topic] = rest
  const topics = { critical: topic, events: topic, telemetry: topic }
  const startMs = performance.now()
  const sync = await start({ kind: 'kafka', brokers: [broker], topics, checkpointTopic })
  const records = LANES.reduce((sum, lane) => sum + sync.status().lanes[lane].records, 0)
  let peakMiB = 0
  for (;;) {
    peakMiB = Math.max(peakMiB, process.memoryUsage().rss / MIB)
    const { lanes } = sync.status()
    if (LANES.every((lane) => lanes[lane].records === 0)) break
    await sleep(LOOK_MS)
  }
  const seconds = (performance.now() - startMs) / 1000
  const { user, system } = process.cpuUsage()
  tell({ records, seconds, cpuSeconds: (user + system) / 1e6, peakMiB })
  await sync.close()
}
