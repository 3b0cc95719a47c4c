import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startCentral } from '../../deploy/central/central.ts'
import { tieredConfig } from '../../deploy/central/topics.ts'
import { createTopics } from '../../sync/kafka/admin.ts'
import { createClient } from '../../sync/kafka/client.ts'
import { messageOf } from '../../sync/kafka/message.ts'
import { commandScript } from '../support/installed.ts'
import { type BenchRow, median } from './bench.ts'
import { EPOCH, makeRecord } from './train/records.ts'

const SMALL = 100_000
const LARGE = 1_000_000
const ROUNDS = 3
const BATCH_RECORDS = 2_000
const VEHICLES = 20
const LEAVE_TIMEOUT_MS = 120_000

/** History from the object store to feature rows, beside a bare consumer; and the memory it takes. */
export async function bench(): Promise<BenchRow[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'milepost-bench-'))
  const central = await startCentral({ dataDir })
  try {
    const topics = new Map<number, string>()
    for (const records of [SMALL, LARGE]) {
      const topic = `bench.train.${records}`
      // Segments that leave for the store at once, of a size that a fleet has.
      const config = {
        ...tieredConfig('demo', { localMs: 1, remoteMs: -1 }),
        'segment.bytes': String(16 << 20),
      }
      await createTopics(central.bootstrap, [{ topic, partitions: 1, config }])
      await fill(central.bootstrap, topic, records)
      topics.set(records, topic)
      await leave(central.bootstrap, join(central.logDir, `${topic}-0`), topic)
    }
    const read = (program: 'featurise' | 'bare', records: number) =>
      run(program, [central.bootstrap, topics.get(records)!, String(records)])
    const ours: Told[] = []
    const theirs: Told[] = []
    const large: Told[] = []
    const turns = [
      async () => ours.push(await read('featurise', SMALL)),
      async () => theirs.push(await read('bare', SMALL)),
      async () => large.push(await read('featurise', LARGE)),
    ]
    for (let round = 0; round < ROUNDS; round++) {
      // Each goes first and last in turn, whatever else the machine does.
      for (const turn of round % 2 === 0 ? turns : turns.toReversed()) await turn()
    }
    const recordsPerS = (told: readonly Told[]) => median(told.map((one) => one.recordsPerS))
    const peakMiB = (told: readonly Told[]) => median(told.map((one) => one.peakMiB))
    return [
      row(
        'history from the store to rows',
        'records/s',
        recordsPerS(ours),
        'bare kafkajs consumer',
        recordsPerS(theirs),
      ),
      row(
        'peak memory, 1,000,000 records',
        'MiB',
        peakMiB(large),
        '100,000 records',
        peakMiB(ours),
        true,
      ),
    ]
  } finally {
    await central.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

function row(
  name: string,
  unit: string,
  ours: number,
  peer: string,
  theirs: number,
  lessIsBetter = false,
): BenchRow {
  return { name, unit, ours, peer, theirs, ratio: lessIsBetter ? theirs / ours : ours / theirs }
}

async function fill(bootstrap: string, topic: string, records: number): Promise<void> {
  const { kafka, sockets } = await createClient({ brokers: [bootstrap] })
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  for (let at = 0; at < records; at += BATCH_RECORDS) {
    const messages = Array.from({ length: BATCH_RECORDS }, (_, i) => {
      const vehicle = (at + i) % VEHICLES
      const record = makeRecord(vehicle, Math.floor((at + i) / VEHICLES))
      const origin = { vehicle: `truck-${vehicle}`, epoch: EPOCH }
      return { ...messageOf(record, origin, Date.now()), partition: 0 }
    })
    await producer.send({ topic, messages })
  }
  await producer.disconnect()
  sockets.destroy()
}

/** Waits until the broker has nothing left of it but the segment that is open. */
async function leave(bootstrap: string, dir: string, topic: string): Promise<void> {
  const { kafka, sockets } = await createClient({ brokers: [bootstrap] })
  const producer = kafka.producer()
  await producer.connect()
  const endMs = performance.now() + LEAVE_TIMEOUT_MS
  for (;;) {
    const segments = (await readdir(dir)).filter((name) => name.endsWith('.log'))
    if (segments.length === 1 && Number.parseInt(segments[0], 10) > 0) break
    if (performance.now() > endMs) throw new Error(`${segments.length} segments are still on disk`)
    await producer.send({ topic, messages: [{ partition: 0, value: 'tick' }] })
    await sleep(1000)
  }
  await producer.disconnect()
  sockets.destroy()
}

interface Told {
  readonly recordsPerS: number
  readonly peakMiB: number
}

/**
 * A process of its own for each figure: memory is then its own, and so is the fence. Ours runs as
 * `milepost train` of the package does, with the same flags.
 */
async function run(program: 'featurise' | 'bare', args: string[]): Promise<Told> {
  const file = new URL(`./train/${program}.ts`, import.meta.url).pathname
  const tsx = `--import ${import.meta.resolve('tsx')}`
  const [command, ...rest] =
    program === 'bare'
      ? [process.execPath, file]
      : ['/bin/sh', '-c', commandScript(process.execPath, file), 'milepost', 'train']
  const child = spawn(command, [...rest, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: tsx },
  })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${program} ended with ${code}`)
  return JSON.parse(out)
}
