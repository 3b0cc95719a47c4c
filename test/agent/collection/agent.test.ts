// Campaigns in the running agent: a recorded drive whose coolant fails, through the whole of it.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { ask } from '../../../agent/control/client.ts'
import { socketPath } from '../../../agent/control/socket-path.ts'
import type { AgentStatus } from '../../../agent/status.ts'
import { Outbox } from '../../../sync/outbox/outbox.ts'
import { Milepost, milepost, ROOT, writeConfig } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'

const DBC = join(ROOT, 'sensors/simulator/vehicle.dbc')
/** Its coolant goes from 90 to 120 degC, ten minutes in all. */
const DRIVE = join(ROOT, 'sensors/simulator/drives/coolant.log.gz')
const COOLANT = 'EngineTemp.Coolant'

interface Told {
  readonly type: string
  readonly lane: string
  // biome-ignore lint/suspicious/noExplicitAny: JSON of several shapes
  readonly content: any
}

async function collect(
  t: Parameters<typeof tempDir>[0],
  config: Record<string, unknown>,
): Promise<{ records: Told[] }> {
  const dir = tempDir(t)
  const file = writeConfig(dir, {
    sensors: [{ id: 'drive', kind: 'replay', file: DRIVE, pace: 'flat-out' }],
    buses: { can0: { dbc: [DBC] } },
    ...config,
  })
  const { code, stderr } = await milepost('run', '-c', file, '--exit-at-end')
  assert.equal(code, 0, stderr)
  return { records: outboxOf(t, dir) }
}

function outboxOf(t: Parameters<typeof tempDir>[0], dir: string): Told[] {
  const outbox = Outbox.open({ path: join(dir, 'data/outbox.db'), vehicle: 'test-1', bootId: 'b' })
  t.after(() => outbox.close())
  return (['critical', 'events', 'telemetry'] as const).flatMap((lane) =>
    outbox.read(lane, 0, 10_000, 1e9).map(({ type, payload }) => {
      return { type, lane, content: JSON.parse(Buffer.from(payload).toString()) }
    }),
  )
}

test('windows, and a capture around a condition, under names of our own', async (t) => {
  const capture = { beforeMs: 5000, afterMs: 2000 }
  const { records } = await collect(t, {
    names: { [COOLANT]: { name: 'Vehicle.ECT', unit: 'K' } },
    campaigns: [
      { id: 'summary', signals: ['Vehicle.ECT'], window: { everyMs: 10_000 } },
      {
        id: 'hot',
        lane: 'critical',
        signals: ['Vehicle.*'],
        when: 'Vehicle.ECT > 380',
        until: 'Vehicle.ECT < 360',
        forMs: 1000,
        capture,
      },
    ],
  })
  const windows = records.filter(({ type }) => type === 'milepost.window.v1')
  assert.ok(windows.length >= 59, `${windows.length} windows`)
  for (const { content } of windows) {
    const { min, max, mean, last, count } = content.signals['Vehicle.ECT']
    assert.ok(min <= mean && mean <= max && last >= min && last <= max && count > 0)
    assert.ok(min > 250 && max < 500, `${min} to ${max} is in kelvin`)
  }
  const hot = records.filter(({ content }) => content.campaign === 'hot')
  assert.equal(hot.length, 1)
  assert.deepEqual([hot[0].type, hot[0].lane], ['milepost.capture.v1', 'critical'])
  const { cause, complete, signals, timeUs } = hot[0].content
  assert.ok(cause.values['Vehicle.ECT'] > 380)
  assert.equal(complete, true)
  const { unit, offsetsUs, values } = signals['Vehicle.ECT']
  assert.equal(unit, 'K')
  // It held for a second before it counted: the crossing is in the capture, a second before zero.
  const crossed = offsetsUs[values.findIndex((value: number) => value > 380)]
  assert.ok(Math.abs(crossed + 1_000_000) < 150_000, `crossed at ${crossed}`)
  assert.ok(offsetsUs[0] < -4_500_000 && offsetsUs.at(-1) > 900_000)
  assert.ok(timeUs > 0)
})

test('a capture around an anomaly', async (t) => {
  const capture = { beforeMs: 5000, afterMs: 2000 }
  const { records } = await collect(t, {
    campaigns: [{ id: 'odd', lane: 'events', signals: ['*'], on: 'anomaly', capture }],
    models: [{ bundle: join(ROOT, 'models/bundles/simulator') }],
  })
  const began = records.filter(({ content }) => content.event === 'begin')
  const odd = records.filter(({ content }) => content.campaign === 'odd')
  assert.ok(began.length > 0, 'the model saw the coolant fail')
  assert.ok(odd.length > 0 && odd.length <= began.length)
  assert.equal(odd[0].content.timeUs, began[0].content.timeUs)
  assert.ok(Object.keys(odd[0].content.signals).length > 20)
})

test('a condition has an OBD sensor asked, and its answer is in the capture', async (t) => {
  const dir = tempDir(t)
  const file = writeConfig(dir, {
    sensors: [
      { id: 'car', kind: 'simulator', bus: 'can0', ecu: {} },
      { id: 'obd', kind: 'obd', bus: 'can0', defaultEveryMs: 0, codesEveryMs: 0 },
    ],
    buses: { can0: { dbc: [DBC], send: [0x7df, 0x7e0] } },
    campaigns: [
      {
        id: 'asked',
        signals: ['Vehicle.OBD.*'],
        when: 'Engine.Alive > 100',
        fetch: [{ sensor: 'obd', what: '01 05' }],
        capture: { beforeMs: 0, afterMs: 3000 },
      },
    ],
  })
  const agent = new Milepost(['run', '-c', file])
  t.after(() => agent.child.kill('SIGKILL'))
  const now = () =>
    ask<AgentStatus>(socketPath(join(dir, 'data')), 'GET', '/status').catch(() => undefined)
  let before = 0
  // What began before it could be asked tells nothing.
  await until('the OBD sensor is live', async () => {
    const status = await now()
    before = status?.records ?? 0
    return status?.sensors.find(({ id }) => id === 'obd')?.state === 'live'
  })
  await until('two more captures', async () => ((await now())?.records ?? 0) >= before + 2)
  agent.child.kill('SIGTERM')
  await agent.finished
  const captures = outboxOf(t, dir).filter(({ type }) => type === 'milepost.capture.v1')
  assert.ok(captures.length > 0, agent.stderr)
  const asked = captures.map(({ content }) => content.signals['Vehicle.OBD.CoolantTemperature'])
  const answered = asked.filter((track) => track !== undefined)
  assert.ok(answered.length > 0, JSON.stringify(captures[0].content))
  assert.equal(answered[0].unit, 'degC')
})
