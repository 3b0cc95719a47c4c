import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { auditTopics } from '../../../sync/kafka/audit-topics.ts'
import { LANES } from '../../../sync/record.ts'
import { Relay } from '../../../sync/relay/relay.ts'
import { Sync, type UplinkConfig } from '../../../sync/sync-thread.ts'
import { useCentral } from '../../support/central.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'
import { readAll, values } from '../kafka/support.ts'
import { record } from '../support.ts'
import { type Depot, makeDepot } from './depot.ts'

const central = await useCentral()
const VEHICLE = 'van-7'

/** A device that gives `count` records to each lane, sends all of it where it has an uplink, and goes. */
async function outing(path: string, uplink: UplinkConfig, who: string, count: number) {
  const outbox = { path, vehicle: VEHICLE, bootId: `boot of ${path}` }
  const sync = await Sync.start({ outbox, uplink, pump: { minRetryMs: 50 } })
  try {
    // Kafka deletes by the time of a record.
    const timeUs = Date.now() * 1000
    for (let n = 0; n < count; n++) {
      for (const lane of LANES) sync.append(record(lane, `${who} ${n}`, { monoUs: n, timeUs }))
    }
    await sync.flush()
    if (uplink.kind !== 'none') {
      // A status of the time before tells nothing.
      const givenUs = sync.status().timeUs
      await until(`what ${who} gave has left`, () => {
        const { lanes, uplink: now, timeUs } = sync.status()
        const empty = LANES.every((lane) => lanes[lane].records === 0)
        return timeUs > givenUs && now.state === 'live' && empty
      })
    }
    return sync.status().outbox.epoch
  } finally {
    await sync.close()
  }
}

/** Nothing is lost, twice or out of order: by the audit, and by what the payloads say. */
async function accountOf({ fleet }: Depot, relay: Relay, given: [string, number][]) {
  await until('the relay has forwarded all', () => {
    const { waiting } = relay.status()
    return LANES.every((lane) => waiting[lane] === 0)
  })
  const { brokers, topics } = fleet.config
  const expected = given.flatMap(([who, count]) =>
    Array.from({ length: count }, (_, n) => `${who} ${n}`),
  )
  for (const lane of LANES) {
    const all = values(await readAll({ brokers, topic: topics[lane] }))
    const payloads = all.filter((text) => !text.startsWith('{'))
    assert.deepEqual(payloads.sort(), [...expected].sort(), lane)
  }
  return auditTopics({ brokers, topics: Object.values(topics) })
}

async function scene(t: TestContext) {
  const depot = await makeDepot(central)
  const relay = Relay.start(depot.config)
  t.after(() => relay.close())
  const uplink: UplinkConfig = { kind: 'mqtt', ...depot.config.broker, openTimeoutMs: 60_000 }
  const [first, copy] = [join(tempDir(t), 'o.db'), join(tempDir(t), 'o.db')]
  const epoch = await outing(first, uplink, 'both', 20)
  cpSync(dirname(first), dirname(copy), { recursive: true })
  return { depot, relay, uplink, first, copy, epoch }
}

test('a copy that went on by itself and its original behind one relay: no record of either is taken for the other’s', async (t) => {
  const { depot, relay, uplink, first, copy, epoch } = await scene(t)
  assert.equal(await outing(first, uplink, 'first', 30), epoch)
  // Offline meanwhile, and it has more than the relay: no number tells that it is another's.
  assert.equal(await outing(copy, { kind: 'none' }, 'copy', 60), epoch)
  assert.notEqual(await outing(copy, uplink, 'later', 5), epoch)
  assert.equal(await outing(first, uplink, 'more', 10), epoch)
  const given: [string, number][] = [
    ['both', 20],
    ['first', 30],
    ['copy', 60],
    ['later', 5],
    ['more', 10],
  ]
  const account = await accountOf(depot, relay, given)

  assert.ok(account.balanced, JSON.stringify(account.epochs))
  assert.equal(relay.status().counts.duplicates, 0)
})

test('the copy that comes first keeps the epoch, and the original goes on under a new one', async (t) => {
  const { depot, relay, uplink, first, copy, epoch } = await scene(t)
  assert.equal(await outing(copy, uplink, 'copy', 10), epoch)
  const renewed = await outing(first, uplink, 'first', 15)
  assert.notEqual(renewed, epoch)
  assert.equal(await outing(first, uplink, 'more', 5), renewed)
  const given: [string, number][] = [
    ['both', 20],
    ['copy', 10],
    ['first', 15],
    ['more', 5],
  ]
  const account = await accountOf(depot, relay, given)
  assert.ok(account.balanced, JSON.stringify(account.epochs))
})
