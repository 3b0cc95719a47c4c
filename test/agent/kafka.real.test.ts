import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cpSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask } from '../../agent/control/client.ts'
import { socketPath } from '../../agent/control/socket-path.ts'
import type { AgentStatus } from '../../agent/status.ts'
import { Audit } from '../../sync/audit.ts'
import { readHistory } from '../../sync/kafka/history.ts'
import { identityOf } from '../../sync/kafka/message.ts'
import { Outbox } from '../../sync/outbox/outbox.ts'
import { LANES } from '../../sync/record.ts'
import { useCentral } from '../support/central.ts'
import { Milepost, milepost, ROOT, writeConfig } from '../support/cli.ts'
import { tempDir } from '../support/temp-dir.ts'
import { makeFleet } from '../sync/kafka/support.ts'

const central = await useCentral()
// Its own: a transaction of an agent that was killed holds up whoever reads behind it, for a while.
const { topics, checkpointTopic } = (await makeFleet(central)).config
const kafka = { kind: 'kafka', brokers: [central.bootstrap], topics, checkpointTopic }
const buses = { can0: { dbc: [join(ROOT, 'sensors/simulator/vehicle.dbc')] } }
const campaigns = [
  { id: 'drive', signals: ['*'], sampleEveryMs: 100 },
  { id: 'gear', signals: ['*Gear*'], onChange: {}, lane: 'events' },
]

async function statusWhen(
  dir: string,
  done: (status: AgentStatus) => boolean,
): Promise<AgentStatus> {
  for (;;) {
    try {
      const status = await ask<AgentStatus>(socketPath(join(dir, 'data')), 'GET', '/status')
      if (done(status)) return status
    } catch {
      // It is starting.
    }
    await sleep(50)
  }
}

const waitingIn = ({ lanes }: NonNullable<AgentStatus['sync']>): number =>
  LANES.reduce((sum, lane) => sum + lanes[lane].records, 0)

/** What lies in an agent's outbox and how far it counted, read from a copy of its files. */
function lookInto(dir: string, vehicle: string): { epoch: string; seq: number; waiting: number } {
  cpSync(join(dir, 'data'), join(dir, 'copy'), {
    recursive: true,
    filter: (file) => !file.endsWith('.sock'),
  })
  const outbox = Outbox.open({ path: join(dir, 'copy/outbox.db'), vehicle, bootId: 'look' })
  const waiting = LANES.reduce((sum, lane) => sum + outbox.waiting(lane), 0)
  const found = { epoch: outbox.epoch, seq: outbox.seq, waiting }
  outbox.close()
  return found
}

async function auditOf(vehicle: string, epoch: string, lastSeq: number) {
  const audit = new Audit()
  audit.expect(vehicle, epoch, lastSeq)
  for (const lane of LANES) {
    for await (const batch of readHistory({
      brokers: [central.bootstrap],
      topic: topics[lane],
    })) {
      for (const record of batch) {
        const identity = identityOf(record.headers)
        if (identity?.vehicle === vehicle) audit.add(identity)
      }
    }
  }
  return audit.report()
}

test('kill -9 in mid-replay, then a restart: Kafka has every record that was committed, once', async (t) => {
  const dir = tempDir(t)
  const vehicle = central.unique('kill')
  const log = join(dir, 'drive.log')
  assert.equal((await milepost('simulate', '--seconds', '60', '--out', log)).code, 0)
  const sensors = [{ id: 'drive', kind: 'replay', file: log, pace: 10 }]
  const parts = { vehicle, sensors, buses, campaigns }

  // First without a broker, so that records wait; killed in the middle.
  const offline = { kind: 'kafka', brokers: ['127.0.0.1:1'] }
  const config = writeConfig(dir, { ...parts, uplink: offline })
  const first = new Milepost(['run', '-c', config])
  t.after(() => first.child.kill('SIGKILL'))
  // Those in the file: on a slow disk one commit may hold up as many that are made.
  await statusWhen(dir, ({ sync }) => sync !== undefined && waitingIn(sync) > 200)
  first.child.kill('SIGKILL')
  await first.finished
  const kept = lookInto(dir, vehicle)
  assert.ok(kept.waiting > 200, `${kept.waiting} records were kept`)

  // Then with Kafka; killed while it delivers, and started once more.
  writeConfig(dir, { ...parts, uplink: kafka })
  const second = new Milepost(['run', '-c', config])
  t.after(() => second.child.kill('SIGKILL'))
  await statusWhen(dir, (status) => (status.sync?.uplink.sentRecords ?? 0) > kept.waiting)
  second.child.kill('SIGKILL')
  await second.finished
  const third = await milepost('run', '-c', config, '--exit-at-end')
  assert.equal(third.code, 0, third.stderr)

  const end = Outbox.open({ path: join(dir, 'data/outbox.db'), vehicle, bootId: 'look' })
  const { epoch, seq } = end
  end.close()
  assert.equal(epoch, kept.epoch)
  assert.ok(seq > kept.seq + 600)
  assert.deepEqual(await auditOf(vehicle, epoch, seq), [
    {
      vehicle,
      epoch,
      lastSeq: seq,
      present: seq,
      missing: 0,
      duplicated: 0,
      outOfOrder: 0,
      ledgered: 0,
    },
  ])
})

test('a broker that answers nonsense: the agent goes on, says so, and loses nothing', async (t) => {
  const dir = tempDir(t)
  const vehicle = central.unique('nonsense')
  const nonsense = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', () => socket.write(Buffer.alloc(4096, 0xa5)))
  }).listen(0, '127.0.0.1')
  await once(nonsense, 'listening')
  t.after(() => nonsense.close())
  const { port } = nonsense.address() as { port: number }
  const config = writeConfig(dir, {
    vehicle,
    sensors: [{ id: 'sim', kind: 'simulator', speed: 10 }],
    buses,
    campaigns,
    uplink: { kind: 'kafka', brokers: [`127.0.0.1:${port}`] },
  })
  const agent = new Milepost(['run', '-c', config])
  t.after(() => agent.child.kill('SIGKILL'))
  const status = await statusWhen(
    dir,
    // Between two tries it is `connecting` for a moment.
    ({ sync, records }) =>
      sync?.uplink.state === 'offline' && sync.uplink.lastError !== undefined && records > 30,
  )
  assert.ok(status.sync?.uplink.lastError?.hint)
  agent.child.kill('SIGTERM')
  assert.equal((await agent.finished).code, 0)
  const { seq, waiting } = lookInto(dir, vehicle)
  assert.equal(waiting, seq)
})
