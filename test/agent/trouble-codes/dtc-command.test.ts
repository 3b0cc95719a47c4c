import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Outbox } from '../../../sync/outbox/outbox.ts'
import { Milepost, milepost, ROOT, writeConfig } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'

const FAULT = { kind: 'misfire', atSec: 1 }

/** A simulated car with a fault, its codes read by OBD, as an agent of its own. */
async function car(t: TestContext, obd: Record<string, unknown>) {
  const dir = tempDir(t)
  const config = writeConfig(dir, {
    sensors: [
      { id: 'car', kind: 'simulator', ecu: {}, faults: [FAULT], speed: 20 },
      { id: 'obd', kind: 'obd', defaultEveryMs: 0, codesEveryMs: 200, discoveryMs: 200, ...obd },
    ],
    buses: {
      can0: { send: [0x7df, 0x7e0], dbc: [join(ROOT, 'sensors/simulator/vehicle.dbc')] },
    },
  })
  const agent = new Milepost(['run', '-c', config])
  t.after(() => agent.child.kill('SIGKILL'))
  const dtc = async (...args: string[]) => {
    const { code, stdout, stderr } = await milepost('dtc', ...args, '-c', config)
    return { code, stdout, stderr }
  }
  const codes = async () => {
    const { stdout } = await dtc('read', '--json')
    return stdout ? JSON.parse(stdout).codes : []
  }
  const stop = async () => {
    agent.child.kill('SIGTERM')
    await agent.finished
    const outbox = Outbox.open({ path: `${dir}/data/outbox.db`, vehicle: 'test-1', bootId: 'b' })
    t.after(() => outbox.close())
    return (lane: 'critical' | 'events') =>
      outbox.read(lane, 0, 1000, 1e9).map(({ type, payload }) => ({
        type,
        ...JSON.parse(Buffer.from(payload).toString()),
      }))
  }
  return { dtc, codes, stop }
}

test('codes are read with their freeze frame, and not cleared unless the config allows it', async (t) => {
  const { dtc, codes, stop } = await car(t, {})
  const [code] = await until('a stored code', async () => {
    const found = await codes()
    return found.some((one: { freezeFrame?: object }) => one.freezeFrame) && found
  })
  assert.deepEqual([code.sensor, code.ecu, code.code], ['obd', '7E8', 'P0300'])
  assert.ok(code.status.includes('stored'))
  assert.ok(code.lastSeenUs >= code.firstSeenUs && code.firstSeenUs > 1e15)
  assert.ok(code.freezeFrame['Vehicle.OBD.EngineSpeed'] > 0)
  const shown = await dtc('read')
  assert.match(shown.stdout, /^P0300 {2}.*stored/m)
  assert.match(shown.stdout, /obd, ECU 7E8; first seen \d{4}-/)
  assert.match(shown.stdout, /Vehicle\.OBD\.EngineSpeed \d/)

  const unasked = await dtc('clear')
  assert.equal(unasked.code, 2, unasked.stderr)
  assert.match(unasked.stderr, /--yes/)
  const refused = await dtc('clear', '--yes')
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /SEND_DENIED.*not allowed[\s\S]*allowClear: true/)
  assert.equal((await codes()).length, 1)
  const told = (await stop())('critical').filter(({ operation }) => operation === 'POST /dtc/clear')
  assert.deepEqual(
    told.map(({ phase, via }) => [phase, via]),
    [
      ['begun', 'socket'],
      ['failed', 'socket'],
    ],
  )
})

test('codes are cleared where the config allows it; who did it is on record', async (t) => {
  const { dtc, codes, stop } = await car(t, { allowClear: true })
  await until('a stored code', async () => (await codes()).length > 0)
  const unknown = await dtc('clear', '--yes', '--sensor', 'nobody')
  assert.match(unknown.stderr, /No sensor "nobody"[\s\S]*These can: obd/)
  const { code, stdout, stderr } = await dtc('clear', '--yes', '--json')
  assert.equal(code, 0, stderr)
  const cleared = JSON.parse(stdout)
  assert.deepEqual([cleared.sensor, cleared.ecus], ['obd', { '7E8': 'positive' }])
  const records = await stop()
  const done = records('critical').find(({ phase }) => phase === 'done')
  assert.equal(done.operation, 'POST /dtc/clear')
  assert.match(done.who, /uid/)
  const events = records('events').filter(({ sensor }) => sensor === 'obd')
  assert.ok(events.some(({ type, ecu }) => type === 'milepost.dtc.cleared.v1' && ecu === '7E8'))
  assert.ok(events.some(({ type, event }) => type === 'milepost.dtc.v1' && event === 'gone'))
})
