import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tieredConfig } from '../../deploy/central/topics.ts'
import { Outbox } from '../../sync/outbox/outbox.ts'
import { useCentral } from '../support/central.ts'
import { milepost, ROOT, writeConfig } from '../support/cli.ts'
import { tempDir } from '../support/temp-dir.ts'
import { makeFleet } from '../sync/kafka/support.ts'

const SHARED = join(ROOT, '../shared/data/can')

interface Drive {
  readonly name: string
  readonly log: string
  readonly dbc: string
}

const own: Drive = {
  name: 'our own recorded drive',
  log: join(ROOT, 'sensors/simulator/drives/coolant.log.gz'),
  dbc: join(ROOT, 'sensors/simulator/vehicle.dbc'),
}
const shared: Drive[] = [
  {
    name: 'a Think City on the road',
    log: join(SHARED, 'logs/savvycan/candump.log'),
    dbc: join(SHARED, 'dbc/savvycan/ThinkCity.dbc'),
  },
  {
    name: 'its first 2,000 frames',
    log: join(SHARED, 'logs/derived/savvycan-2000.candump.log'),
    dbc: join(SHARED, 'dbc/savvycan/ThinkCity.dbc'),
  },
]
const found = shared.filter(({ log, dbc }) => existsSync(log) && existsSync(dbc))
if (found.length < shared.length) {
  console.error(`${shared.length - found.length} real logs could not be found in ${SHARED}`)
}

const central = await useCentral()
// Its own: a transaction of an agent that was killed holds up whoever reads behind it, for a while.
const config = tieredConfig('demo', { localMs: 1_000, remoteMs: -1 })
const { topics, checkpointTopic } = (await makeFleet(central, { config })).config

for (const drive of [own, ...found]) {
  test(`a real log through the whole agent into Kafka and back: ${drive.name}`, async (t) => {
    const dir = tempDir(t)
    const vehicle = central.unique('log')
    const config = writeConfig(dir, {
      vehicle,
      sensors: [{ id: 'log', kind: 'replay', file: drive.log, pace: 'flat-out' }],
      buses: { can0: { dbc: [drive.dbc] } },
      campaigns: [{ id: 'drive', signals: ['*'], sampleEveryMs: 1000 }],
      uplink: { kind: 'kafka', brokers: [central.bootstrap], topics, checkpointTopic },
    })
    const run = await milepost('run', '-c', config, '--exit-at-end')
    assert.equal(run.code, 0, run.stderr)
    const outbox = Outbox.open({ path: join(dir, 'data/outbox.db'), vehicle, bootId: 'look' })
    const { seq } = outbox
    outbox.close()
    const history = await milepost(
      ...['history', '--brokers', central.bootstrap, '--topic', topics.telemetry],
      ...['--vehicle', vehicle, '--json'],
    )
    assert.equal(history.code, 0, history.stderr)
    const records = history.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    // The two lifecycle records went to another lane.
    assert.equal(records.length, seq - 2)
    const values = records.flatMap(({ value }) => Object.values(value.signals))
    // The Think City's log spans eight seconds, told in whole ones.
    assert.ok(records.length >= 1, `${records.length} snapshots`)
    assert.ok(values.length > 10 * records.length, `${values.length} values`)
  })
}
