import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Outbox } from '../../sync/outbox/outbox.ts'
import { Milepost, milepost, writeConfig } from '../support/cli.ts'
import { tempDir } from '../support/temp-dir.ts'
import { until } from '../support/until.ts'

test('a health record comes when the cron expression says so', async (t) => {
  const dir = tempDir(t)
  const config = writeConfig(dir, {
    sensors: [{ id: 'sim', kind: 'simulator' }],
    health: { cron: '* * * * * *' },
  })
  const agent = new Milepost(['run', '-c', config])
  t.after(() => agent.child.kill('SIGKILL'))
  // Nothing else writes to `events` here.
  const waiting = async (): Promise<number> => {
    const { stdout } = await milepost('status', '-c', config, '--json')
    // It answers before its outbox is open.
    return stdout ? (JSON.parse(stdout).sync?.lanes.events.records ?? 0) : 0
  }
  await until('a record of the agent’s health', async () => (await waiting()) > 0)
  agent.child.kill('SIGTERM')
  assert.equal((await agent.finished).code, 0, agent.stderr)
  const outbox = Outbox.open({ path: join(dir, 'data/outbox.db'), vehicle: 'test-1', bootId: 'b' })
  t.after(() => outbox.close())
  const told = outbox
    .read('events', 0, 100, 1e9)
    .filter(({ type }) => type === 'milepost.health.v1')
  assert.ok(told.length >= 1)
  const content = JSON.parse(Buffer.from(told[0].payload).toString())
  assert.deepEqual(Object.keys(content.lanes), ['critical', 'events', 'telemetry'])
  assert.equal(content.sensors[0].id, 'sim')
})

test('a cron expression that is none is refused', async (t) => {
  const config = writeConfig(tempDir(t), {
    sensors: [{ id: 'sim', kind: 'simulator' }],
    health: { cron: 'now and then' },
  })
  const run = await milepost('run', '-c', config)
  assert.equal(run.code, 2)
  assert.match(run.stderr, /health\.cron: expected a cron expression/)
})
