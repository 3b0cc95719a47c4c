// One vehicle's way out in a process of its own, so that its memory is its own.
// `grow PATH LANE_BYTES MARK …`: appends to an outbox that sends nothing and keeps so much of a lane (0: all);
// at each number of records a line of JSON.
// `drain PATH BOOTSTRAP CHECKPOINTS TOPIC`: sends all of it; one line at the end.
import { setTimeout as sleep } from 'node:timers/promises'
import { LANES, type NewRecord } from '../../../sync/record.ts'
import { Sync, type UplinkConfig } from '../../../sync/sync-thread.ts'
import { recordOf } from '../uplink/round.ts'

const MIB = 1024 ** 2
/** Appended before the disk is waited for: well within the queue's bound. */
const STEP_RECORDS = 5_000
const LOOK_MS = 50

const [what, path, ...rest] = process.argv.slice(2)
const start = (uplink: UplinkConfig, lanes = {}) =>
  Sync.start({
    outbox: { path, vehicle: 'bench-truck', bootId: 'b', maxBytes: 8 * 1024 * MIB, lanes },
    uplink,
  })
const tell = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`)

if (what === 'grow') await grow(...(rest.map(Number) as [number, ...number[]]))
else await drain()
process.exit(0)

/** Records for `append`, which keeps nothing of what it is given: so what grows is not the giver's. */
function generator(): (seq: number) => NewRecord {
  const record = recordOf(0)
  const payload = Buffer.from(record.payload)
  const at = payload.indexOf('...')
  return (seq) => {
    payload.write(String(seq), at)
    return Object.assign(record, { payload, timeUs: record.timeUs + 10_000 })
  }
}

async function grow(laneBytes: number, ...marks: number[]): Promise<void> {
  const lanes = laneBytes > 0 ? { telemetry: { maxBytes: laneBytes } } : {}
  const sync = await start({ kind: 'none' }, lanes)
  const next = generator()
  let given = 0
  for (const mark of marks) {
    while (given < mark) {
      const end = Math.min(mark, given + STEP_RECORDS)
      while (given < end) sync.append(next(++given))
      await sync.flush()
    }
    const { lanes, outbox } = sync.status()
    const { records } = lanes.telemetry
    if (laneBytes === 0 && records !== mark) throw new Error(`${records} kept, not ${mark}`)
    const rssMiB = process.memoryUsage().rss / MIB
    tell({ given, records, rssMiB, fileMiB: outbox.fileBytes / MIB })
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
