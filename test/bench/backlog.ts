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
/** Memory is looked at when so many records have come, and when a tenth of a backlog drains. */
const MARKS = [10_000, 100_000, 1_000_000, 5_000_000].filter((mark) => mark <= 5 * RECORDS)
/**
 * A young process grows whatever it does: code is compiled, heaps find their size. So the same records
 * also go through a lane that keeps some 10,000 of them, and the two are compared.
 */
const SMALL_LANE_BYTES = 2_560_000
const BARE_BATCH_RECORDS = 1_700
/** Bare kafkajs is timed over so many: it holds all of them in memory. */
const BARE_RECORDS = Math.min(RECORDS, 100_000)

interface Grown {
  /** Appended so far, and of them waiting. */
  readonly given: number
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
    const grown = await grow(join(dir, 'grown.db'), 0)
    const small = await grow(join(dir, 'small.db'), SMALL_LANE_BYTES)
    for (const part of [10, 1]) {
      await vehicle('grow', join(dir, `o${part}.db`), '0', String(RECORDS / part))
    }
    const central = given ? undefined : await startCentral({ dataDir: join(dir, 'central') })
    const bootstrap = given ?? central!.bootstrap
    const peer = new Bare(bootstrap)
    try {
      return [memoryRow(grown, small), ...(await drain(dir, bootstrap, peer))]
    } finally {
      peer.end()
      await central?.stop()
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

async function grow(path: string, laneBytes: number): Promise<Grown[]> {
  const grown = (await vehicle('grow', path, String(laneBytes), ...MARKS.map(String))) as Grown[]
  await rm(path)
  for (const { given, records, rssMiB, fileMiB } of grown) {
    console.error(
      `${given} records came, ${records} wait: ${rssMiB.toFixed(0)} MiB resident, ${fileMiB.toFixed(0)} MiB on disk`,
    )
  }
  return grown
}

async function drain(dir: string, bootstrap: string, peer: Bare): Promise<BenchRow[]> {
  const run = `bench.backlog.${Date.now()}`
  const names = ['10', '1', 'bare'].map((name) => `${run}.${name}`)
  const checkpoints = (part: string) => `${run}.${part}.checkpoints`
  await createTopics(bootstrap, [
    ...names.map((topic) => ({ topic, partitions: 3, config: { 'retention.ms': '-1' } })),
    ...['10', '1'].map((part) => ({ topic: checkpoints(part), partitions: 3, config: {} })),
  ])
  const order = { what: 'produce', batchRecords: BARE_BATCH_RECORDS } as const
  const bare = () => peer.run({ ...order, topic: `${run}.bare`, records: BARE_RECORDS })
  const ours = async (part: string) => {
    const path = join(dir, `o${part}.db`)
    const topic = `${run}.${part}`
    const [drained] = await vehicle('drain', path, bootstrap, checkpoints(part), topic)
    const { records, seconds, cpuSeconds, peakMiB } = drained as Drained
    console.error(
      `${records} records drained in ${seconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} s of CPU, peak ${peakMiB.toFixed(0)} MiB resident`,
    )
    return drained as Drained
  }
  // The first does not count: its code is not compiled yet.
  await bare()
  const tenth = await ours('10')
  const before = await bare()
  const { records, seconds, peakMiB } = await ours('1')
  const bareSeconds = (before + (await bare())) / 2
  const rate = BARE_RECORDS / bareSeconds
  return [
    {
      name: `peak while ${records} records drain`,
      unit: 'MiB',
      ours: peakMiB,
      peer: `the same with ${tenth.records}`,
      theirs: tenth.peakMiB,
      ratio: tenth.peakMiB / peakMiB,
    },
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

/** Flat: a backlog that holds all of the records beside one that a few of them are left of. */
function memoryRow(grown: readonly Grown[], small: readonly Grown[]): BenchRow {
  const [all, few] = [grown.at(-1)!, small.at(-1)!]
  return {
    name: `resident with a backlog of ${all.records}`,
    unit: 'MiB',
    ours: all.rssMiB,
    peer: `the same records through one of ${few.records}`,
    theirs: few.rssMiB,
    ratio: few.rssMiB / all.rssMiB,
  }
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
