import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { roadProperties } from '../../../agent/demo/central-road.ts'
import { Link } from '../../../agent/demo/link.ts'
import { freePort } from '../../../deploy/central/ports.ts'
import { LANES, type Lane, type NewRecord } from '../../../sync/record.ts'
import type { UplinkState } from '../../../sync/status.ts'
import { Sync, type SyncOptions } from '../../../sync/sync-thread.ts'
import { ownCentral } from '../../support/central.ts'
import { makeFleet, readAll } from './support.ts'

/** 64 kbit/s, each way. */
const BYTES_PER_SEC = 8_000
const LIMIT_MS = 240_000

const road = await Link.reserve(narrow)
after(() => road.cut())
const roadPort = await freePort()
const kafkaPort = await freePort()
const central = await ownCentral({
  tier: 'local',
  kafkaPort,
  extraProperties: roadProperties(roadPort, road),
})
road.pointAt('127.0.0.1', roadPort)
await road.restore()

function narrow(): Transform {
  return new Transform({
    highWaterMark: 1_024,
    transform: (chunk: Buffer, _, pass) => {
      setTimeout(() => pass(null, chunk), (chunk.length / BYTES_PER_SEC) * 1_000)
    },
  })
}

async function startSync(uplink: SyncOptions['uplink']): Promise<Sync> {
  const dir = await mkdtemp(join(tmpdir(), 'milepost-narrow-'))
  const sync = await Sync.start({
    outbox: { path: join(dir, 'outbox.db'), vehicle: central.unique('truck'), bootId: 'b' },
    uplink,
    handoverMs: 0,
  })
  after(async () => {
    await sync.close()
    await rm(dir, { recursive: true, force: true })
  })
  return sync
}

const record = (lane: Lane, bytes: number): NewRecord => ({
  lane,
  type: 'milepost.snapshot.v1',
  timeUs: Date.now() * 1000,
  monoUs: 1,
  clock: 'synced',
  payload: JSON.stringify({ text: 'x'.repeat(bytes) }),
})

async function until(what: string, done: () => boolean): Promise<void> {
  for (const deadline = Date.now() + LIMIT_MS; !done(); await sleep(20)) {
    if (Date.now() > deadline) throw new Error(`${what}: not in ${LIMIT_MS} ms`)
  }
}

const acked = (sync: Sync, lane: Lane) => sync.status().lanes[lane].ackedSeq

test('64 kbit/s: a backlog too large for one send moves on, and critical passes it', async (t) => {
  const fleet = await makeFleet(central)
  const sync = await startSync({
    ...fleet.config,
    kind: 'kafka',
    brokers: [`127.0.0.1:${road.port}`],
    // A send of all that waits would take a quarter of a minute.
    sendTimeoutMs: 4_000,
    requestTimeoutMs: 4_000,
  })
  sync.pauseUplink()
  for (let n = 0; n < 300; n++) sync.append(record('telemetry', 150))
  await sync.flush()
  sync.resumeUplink()
  await until('the first telemetry', () => acked(sync, 'telemetry') > 0)
  const before = acked(sync, 'telemetry')
  sync.append(record('critical', 150))
  await until('critical', () => acked(sync, 'critical') > 0)
  const { lanes, uplink } = sync.status()
  assert.ok(lanes.telemetry.records > 0, 'telemetry still waits')
  t.diagnostic(`critical passed ${lanes.telemetry.records} records, ${before} were sent before it`)
  assert.ok(uplink.sentRecords > 0)
  const { brokers, topics } = fleet.config
  assert.equal((await readAll({ brokers, topic: topics.critical })).length, 1)
})

test('away from the depot telemetry waits and says so, the other lanes go on', async () => {
  const fleet = await makeFleet(central)
  const limits = { bulkNetworks: ['depot-wlan*'] }
  const sync = await startSync({ ...fleet.config, kind: 'kafka', limits })
  for (const lane of LANES) sync.append(record(lane, 10))
  await until('the lanes that may', () => acked(sync, 'critical') > 0 && acked(sync, 'events') > 0)
  const states = new Set<UplinkState>()
  await until('throttled', () => states.add(sync.status().uplink.state).has('throttled'))
  assert.equal(acked(sync, 'telemetry'), 0)
  const { brokers, topics } = fleet.config
  assert.deepEqual(await readAll({ brokers, topic: topics.telemetry }), [])
})
