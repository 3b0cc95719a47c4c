import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask } from '../../agent/control/client.ts'
import { socketPath } from '../../agent/control/socket-path.ts'
import type { AgentStatus } from '../../agent/status.ts'
import { Outbox } from '../../sync/outbox/outbox.ts'
import { Milepost, milepost, ROOT, writeConfig } from '../support/cli.ts'
import { tempDir } from '../support/temp-dir.ts'

const DBC = join(ROOT, 'sensors/simulator/vehicle.dbc')
const buses = { can0: { dbc: [DBC] } }
const campaigns = [{ id: 'drive', signals: ['*'], sampleEveryMs: 1000 }]

async function statusOf(dir: string): Promise<AgentStatus> {
  for (;;) {
    try {
      return await ask<AgentStatus>(socketPath(join(dir, 'data')), 'GET', '/status')
    } catch {
      await sleep(50)
    }
  }
}

test('a drive runs through the agent into its outbox, and a second run adds to it', async (t) => {
  const dir = tempDir(t)
  const log = join(dir, 'drive.log')
  const made = await milepost('simulate', '--seconds', '30', '--seed', '5', '--out', log)
  assert.equal(made.code, 0, made.stderr)
  const config = writeConfig(dir, {
    sensors: [{ id: 'drive', kind: 'replay', file: log, pace: 'flat-out' }],
    buses,
    campaigns,
  })
  let lastSeq = 0
  for (const round of [1, 2]) {
    const run = await milepost('run', '-c', config, '--exit-at-end')
    assert.equal(run.code, 0, run.stderr)
    const outbox = Outbox.open({
      path: join(dir, 'data/outbox.db'),
      vehicle: 'test-1',
      bootId: 'b',
    })
    t.after(() => outbox.close())
    const snapshots = outbox.read('telemetry', 0, 1000, 1e9)
    assert.ok(snapshots.length >= 29 * round, `${snapshots.length} snapshots`)
    assert.ok(outbox.seq > lastSeq)
    lastSeq = outbox.seq
    const content = JSON.parse(Buffer.from(snapshots[5].payload).toString())
    assert.equal(content.campaign, 'drive')
    assert.ok(Object.keys(content.signals).length > 20)
    const lifecycle = outbox.read('critical', 0, 10, 1e9).map((record) => record.type)
    assert.deepEqual(lifecycle.slice(-2), [
      'milepost.agent.started.v1',
      'milepost.agent.stopped.v1',
    ])
    outbox.close()
  }
})

test('status answers while it runs, a second agent is refused, SIGTERM ends it cleanly', async (t) => {
  const dir = tempDir(t)
  const config = writeConfig(dir, {
    sensors: [{ id: 'sim', kind: 'simulator', speed: 20 }],
    buses,
    campaigns,
  })
  const agent = new Milepost(['run', '-c', config])
  t.after(() => agent.child.kill('SIGKILL'))
  let status = await statusOf(dir)
  while (status.records < 5) {
    await sleep(50)
    status = await statusOf(dir)
  }
  assert.equal(status.vehicle, 'test-1')
  assert.equal(status.sensors[0].state, 'live')
  assert.equal(status.decode?.unknown, 0)
  const shown = await milepost('status', '-c', config, '--json')
  assert.equal(shown.code, 0)
  assert.equal(JSON.parse(shown.stdout).vehicle, 'test-1')
  assert.match(
    (await milepost('status', '-c', config)).stdout,
    /sensor\s+sim \(simulator on can0\) live/,
  )

  const second = await milepost('run', '-c', config)
  assert.equal(second.code, 1)
  assert.match(second.stderr, /AGENT_RUNNING/)

  agent.child.kill('SIGTERM')
  assert.equal((await agent.finished).code, 0)
  const down = await milepost('status', '-c', config)
  assert.equal(down.code, 1)
  assert.match(down.stdout, /^agent +down/m)
  assert.match(down.stdout, /Next: milepost doctor/)
})

test('a broken DBC file: line and reason; the others still load where the config allows', async (t) => {
  const dir = tempDir(t)
  const broken = join(dir, 'broken.dbc')
  writeFileSync(broken, 'VERSION ""\n\nBO_ 100 Short: 1 X\n SG_ Long : 0|32@1+ (1,0) [0|0] "" X\n')
  const log = join(dir, 'drive.log')
  await milepost('simulate', '--seconds', '5', '--out', log)
  const sensors = [{ id: 'drive', kind: 'replay', file: log, pace: 'flat-out' }]
  const both = { dbc: [broken, DBC] }
  const strict = writeConfig(dir, { sensors, campaigns, buses: { can0: both } })
  const refused = await milepost('run', '-c', strict, '--exit-at-end')
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /broken\.dbc:4/)
  const lenient = writeConfig(dir, {
    sensors,
    campaigns,
    buses: { can0: { ...both, onBrokenDbc: 'skip' } },
  })
  const run = await milepost('run', '-c', lenient, '--exit-at-end')
  assert.equal(run.code, 0, run.stderr)
  assert.match(run.stderr, /skipped a broken DBC file/)
})

test('a bundle that does not verify stops the start, and says what to do', async (t) => {
  const dir = tempDir(t)
  const config = writeConfig(dir, {
    sensors: [{ id: 'sim', kind: 'simulator' }],
    models: [{ bundle: './nowhere' }],
  })
  const run = await milepost('run', '-c', config)
  assert.equal(run.code, 1)
  assert.match(run.stderr, /BUNDLE_MISSING[\s\S]*Next:/)
})

test('a mistake in the config starts nothing and exits with 2', async (t) => {
  const dir = tempDir(t)
  const config = writeConfig(dir, { sensors: [{ id: 'sim', kind: 'simulater' }] })
  const run = await milepost('run', '-c', config)
  assert.equal(run.code, 2)
  assert.match(run.stderr, /did you mean "simulator"\?/)
})
