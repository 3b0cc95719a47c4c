import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { randomOf } from '../../../models/training/random.ts'
import { Audit } from '../../../sync/audit.ts'
import { createKafkaUplink } from '../../../sync/kafka/kafka-uplink.ts'
import { identityOf } from '../../../sync/kafka/message.ts'
import { LANES } from '../../../sync/record.ts'
import { useCentral } from '../../support/central.ts'
import { TYPESCRIPT } from '../../support/typescript.ts'
import type { SenderOptions } from './sender.ts'
import { type Fleet, makeFleet, readAll } from './support.ts'

const KILLS = Number(process.env.MILEPOST_TEST_KILLS ?? 10)
const SEED = Number(process.env.MILEPOST_TEST_SEED ?? 20_261_123)
const MAX_BATCH_RECORDS = 150
const MAX_LIFE_MS = 1_000
/** After the last kill, so that the end of it all is clean. */
const LAST_RECORDS = 1_000

function startSender(options: SenderOptions): ChildProcess {
  const script = new URL('./sender.ts', import.meta.url).pathname
  return spawn(process.execPath, [...TYPESCRIPT, script, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

async function positionsOf({ config, origin }: Fleet) {
  const uplink = createKafkaUplink(config)
  const positions = await uplink.open(origin)
  await uplink.close()
  return positions
}

test(`${KILLS} kills (seed ${SEED}): nothing lost, duplicated or out of order`, async (t) => {
  const central = await useCentral()
  const fleet = await makeFleet(central)
  const random = randomOf(SEED)
  for (let kill = 0; kill < KILLS; kill++) {
    const options = { ...fleet, seed: SEED + kill, maxBatchRecords: MAX_BATCH_RECORDS }
    const child = startSender(options)
    const ended = once(child, 'exit')
    await Promise.race([once(child.stdout!, 'data'), ended])
    await sleep(random() * MAX_LIFE_MS)
    assert.equal(child.exitCode, null, 'the sender ended by itself')
    child.kill('SIGKILL')
    await ended
  }
  const reached = await positionsOf(fleet)
  const lastSeq = Math.max(...Object.values(reached)) + LAST_RECORDS
  const child = startSender({ ...fleet, seed: SEED, maxBatchRecords: MAX_BATCH_RECORDS, lastSeq })
  assert.deepEqual(await once(child, 'exit'), [0, null])

  const audit = new Audit()
  const { vehicle, epoch } = fleet.origin
  audit.expect(vehicle, epoch, lastSeq)
  let aborted = 0
  for (const lane of LANES) {
    let prev = 0
    let offsets = 0
    const { brokers, topics } = fleet.config
    const read = await readAll({
      brokers,
      topic: topics[lane],
      onRanges: (ranges) => {
        offsets = ranges.reduce((sum, { from, to }) => sum + to - from, 0)
      },
    })
    for (const record of read) {
      const identity = identityOf(record.headers)!
      audit.add(identity)
      assert.equal(identity.lane, lane)
      assert.equal(identity.prev, prev, 'each record names the one before it in its lane')
      prev = identity.seq
    }
    aborted += offsets - read.length
  }
  t.diagnostic(`${lastSeq} records; ${aborted} offsets hold markers and aborted records`)
  assert.deepEqual(audit.report(), [
    {
      vehicle,
      epoch,
      lastSeq,
      present: lastSeq,
      missing: 0,
      duplicated: 0,
      outOfOrder: 0,
      ledgered: 0,
    },
  ])
})
