import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startCentral } from '../../deploy/central/central.ts'
import { createTopics } from '../../sync/kafka/admin.ts'
import type { BenchRow } from './bench.ts'
import { Bare } from './uplink/bare-process.ts'

const run = promisify(execFile)
/** Drained; `RECORDS=100000` is a short run. */
const RECORDS = Number(process.env.RECORDS ?? 1_000_000)
/** Memory is looked at while the backlog grows to each of these. */
const MARKS = [10_000, 100_000, 1_000_000, 5_000_000].filter((mark) => mark <= 5 * RECORDS)
const CHECKPOINTS = 'bench.checkpoints'
const BARE_BATCH_RECORDS = 1_700
/** Bare kafkajs is timed over so many: it holds all of them in memory. */
const BARE_RECORDS = Math.min(RECORDS, 100_000)

interface Grown {
  readonly records: number
  readonly rssMiB: number
  readonly fileMiB: number
}

interface Drained {
  readonly records: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly peakMiB: number
}

/** A backlog drained from the disk into Kafka, and memory while a backlog grows. */
export async function bench(): Promise<BenchRow[]> {
  const dir = await mkdtemp(join(tmpdir(), 'milepost-backlog-'))
  const given = process.env.MILEPOST_TEST_BOOTSTRAP
  try {
    const grown = (await vehicle('grow', join(dir, 'grown.db'), ...MARKS.map(String))) as Grown[]
    for (const { records, rssMiB, fileMiB } of grown) {
      console.error(
        `backlog of ${records}: ${rssMiB.toFixed(0)} MiB resident, ${fileMiB.toFixed(0)} MiB on disk`,
      )
    }
    await rm(join(dir, 'grown.db'))
    await vehicle('grow', join(dir, 'o.db'), String(RECORDS))
    const central = given ? undefined : await startCentral({ dataDir: join(dir, 'central') })
    const bootstrap = given ?? central!.bootstrap
    const peer = new Bare(bootstrap)
    try {
      return [...memoryRows(grown), ...(await drain(dir, bootstrap, peer))]
    } finally {
      peer.end()
      await central?.stop()
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

async function drain(dir: string, bootstrap: string, peer: Bare): Promise<BenchRow[]> {
  const topics = [1, 2].map((n) => `bench.backlog.${Date.now()}.${n}`)
  const [ours, theirs] = topics
  await createTopics(bootstrap, [
    ...topics.map((topic) => ({ topic, partitions: 3, config: { 'retention.ms': '-1' } })),
    { topic: CHECKPOINTS, partitions: 3, config: {} },
  ])
  const order = { what: 'produce', batchRecords: BARE_BATCH_RECORDS } as const
  const bare = () => peer.run({ ...order, topic: theirs, records: BARE_RECORDS })
  // The first does not count: its code is not compiled yet.
  await bare()
  const before = await bare()
  const [drained] = (await vehicle('drain', join(dir, 'o.db'), bootstrap, CHECKPOINTS, ours)) as [
    Drained,
  ]
  const bareSeconds = (before + (await bare())) / 2
  const { records, seconds, cpuSeconds, peakMiB } = drained
  console.error(
    `${records} records drained in ${seconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} s of CPU, peak ${peakMiB.toFixed(0)} MiB resident`,
  )
  const rate = BARE_RECORDS / bareSeconds
  return [
    {
      name: `${records} records from disk into Kafka, exactly once`,
      unit: 'records/s',
      ours: records / seconds,
      peer: 'bare idempotent kafkajs, from memory',
      theirs: rate,
      ratio: records / seconds / rate,
    },
  ]
}

/** Flat: the largest backlog beside the smallest. */
function memoryRows(grown: readonly Grown[]): BenchRow[] {
  const first = grown[0]
  const last = grown.at(-1)!
  return [
    {
      name: `resident with a backlog of ${last.records}`,
      unit: 'MiB',
      ours: last.rssMiB,
      peer: `the same with ${first.records}`,
      theirs: first.rssMiB,
      ratio: first.rssMiB / last.rssMiB,
    },
  ]
}

/** Runs `backlog/vehicle.ts`; answers the lines that it wrote. */
async function vehicle(...args: string[]): Promise<unknown[]> {
  const script = new URL('./backlog/vehicle.ts', import.meta.url).pathname
  const { stdout } = await run(process.execPath, ['--import', 'tsx', script, ...args])
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}
