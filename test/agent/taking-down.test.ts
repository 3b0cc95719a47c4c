import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { z } from 'zod'
import { Agent } from '../../agent/agent.ts'
import { loadConfig } from '../../agent/config/load.ts'
import { makeLogger } from '../../agent/log.ts'
import { TakingDown } from '../../agent/taking-down.ts'
import type { SensorContext } from '../../sensors/sensor.ts'
import { Outbox } from '../../sync/outbox/outbox.ts'
import { writeConfig } from '../support/cli.ts'
import { tempDir } from '../support/temp-dir.ts'

test('a step that throws or hangs keeps none of the others from being done', async () => {
  const down = new TakingDown(makeLogger('silent'))
  const done: string[] = []
  await down.step('throws', () => {
    throw new Error('x')
  })
  await down.step('hangs', () => new Promise(() => {}), 20)
  await down.step('last', async () => void done.push('last'))
  assert.deepEqual(done, ['last'])
  assert.throws(() => down.finish(), { code: 'STOP_FAILED', message: /throws, hangs\.$/ })
})

test('a sensor that never ends does not keep the outbox from being closed', async (t) => {
  const dir = tempDir(t)
  const config = loadConfig(writeConfig(dir, { sensors: [{ id: 'sim', kind: 'simulator' }] }))
  const run = (context: SensorContext): Promise<void> => {
    context.opened()
    return new Promise(() => {})
  }
  const kind = { kind: 'scripted', config: z.unknown(), create: () => ({ run }) }
  const sensors = config.sensors.map((plan) => ({ ...plan, kind }))
  const agent = await Agent.start({ ...config, sensors }, makeLogger('silent'))
  await assert.rejects(agent.stop(), { code: 'STOP_FAILED', message: /sensors/ })
  const path = join(dir, 'data/outbox.db')
  const outbox = Outbox.open({ path, vehicle: 'test-1', bootId: 'b' })
  t.after(() => outbox.close())
  const types = outbox.read('critical', 0, 10, 1e9).map((record) => record.type)
  assert.deepEqual(types, ['milepost.agent.started.v1', 'milepost.agent.stopped.v1'])
})
