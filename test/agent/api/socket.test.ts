import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { Agent } from '../../../agent/agent.ts'
import { loadConfig } from '../../../agent/config/load.ts'
import { ask, askLines } from '../../../agent/control/client.ts'
import { socketPath } from '../../../agent/control/socket-path.ts'
import { makeLogger } from '../../../agent/log.ts'
import type { AgentStatus } from '../../../agent/status.ts'
import { ROOT, writeConfig } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'

const DBC = join(ROOT, 'sensors/simulator/vehicle.dbc')

test('the control socket serves operations, streams and refusals', async (t) => {
  const config = loadConfig(
    writeConfig(tempDir(t), {
      sensors: [{ id: 'sim', kind: 'simulator', bus: 'can0' }],
      buses: { can0: { dbc: [DBC] } },
      campaigns: [{ id: 'gear', signals: ['*Gear*'], onChange: {}, lane: 'events' }],
    }),
  )
  const agent = await Agent.start(config, makeLogger('silent'))
  t.after(() => agent.stop())
  const socket = socketPath(config.dataDir)

  await t.test('it is open to user and group only', () => {
    assert.equal(statSync(socket).mode & 0o777, 0o660)
  })

  await t.test('signals by name', async () => {
    const some = await until('a speed', async () => {
      const found = await ask<{ name: string }[]>(socket, 'GET', '/signals?match=*Speed*')
      return found.length > 0 && found
    })
    assert.ok(some.every(({ name }) => name.includes('Speed')))
  })

  await t.test('frames come decoded, readings by name and at a bounded rate', async () => {
    const stop = new AbortController()
    const frames: { message?: string; data?: string }[] = []
    for await (const line of askLines<{ message?: string }>(socket, '/live/frames', stop.signal)) {
      frames.push(line)
      if (frames.length === 20) break
    }
    assert.ok(frames.some(({ message }) => message !== undefined))
    const names: string[] = []
    for await (const line of askLines<{ names?: { name: string }[]; readings?: number[][] }>(
      socket,
      '/live/readings?match=*Speed*&hz=20',
    )) {
      names.push(...(line.names ?? []).map(({ name }) => name))
      if (line.readings) break
    }
    assert.ok(names.length > 0 && names.every((name) => name.includes('Speed')))
    await until('the streams to be given back', async () => {
      const { parts } = await ask<AgentStatus>(socket, 'GET', '/status')
      return (parts.live as { streams: number }).streams === 0
    })
  })

  await t.test('what is wrong is refused with what to do', async () => {
    await assert.rejects(ask(socket, 'GET', '/nothing'), { code: 'NO_SUCH_OPERATION' })
    await assert.rejects(ask(socket, 'GET', '/live/readings?hz=1000'), { code: 'BAD_REQUEST' })
    await assert.rejects(ask(socket, 'POST', '/status', { body: { big: 'x'.repeat(2 << 20) } }))
    assert.equal((await ask<AgentStatus>(socket, 'GET', '/status')).vehicle, 'test-1')
  })

  await t.test('a reader that does not read holds nothing up', async () => {
    const lazy = connect(socket)
    t.after(() => lazy.destroy())
    lazy.write('GET /live/frames HTTP/1.1\r\nhost: a\r\n\r\n')
    lazy.pause()
    const before = agent.status().sensors[0].frames
    await until('frames to go on', () => agent.status().sensors[0].frames > before + 500)
  })
})
