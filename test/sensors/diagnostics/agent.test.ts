import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent } from '../../../agent/agent.ts'
import { systemClock } from '../../../agent/clock.ts'
import { loadConfig } from '../../../agent/config/load.ts'
import { makeLogger } from '../../../agent/log.ts'
import { Outbox } from '../../../sync/outbox/outbox.ts'
import { writeConfig } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'

const VIN = 'WMPSXM00000000042'

test('simulator, obd, uds and j1939 in one agent: readings, codes and VIN end up in the outbox', async (t) => {
  const dir = tempDir(t)
  const faults = [{ kind: 'misfire', atSec: 1 }]
  const config = writeConfig(dir, {
    sensors: [
      { id: 'car', kind: 'simulator', ecu: { vin: VIN, j1939: true }, faults, speed: 20 },
      { id: 'obd', kind: 'obd', defaultEveryMs: 100, codesEveryMs: 200, discoveryMs: 200 },
      {
        id: 'uds',
        kind: 'uds',
        countSignal: 'Dtc.Uds.Count',
        ecus: [
          {
            name: 'engine',
            request: 0x7e0,
            response: 0x7e8,
            identifiers: [{ id: 0xf190, everyMs: 200, text: 'vin' }],
            codes: { everyMs: 200 },
          },
        ],
      },
      { id: 'truck', kind: 'j1939', countSignal: 'Dtc.Truck.Count' },
    ],
    buses: { can0: { send: [0x7df, 0x7e0] } },
    campaigns: [
      { id: 'engine', signals: ['Vehicle.OBD.*', 'J1939.*', 'Dtc.*'], sampleEveryMs: 200 },
    ],
    log: { level: 'silent' },
  })
  const agent = await Agent.start(loadConfig(config), makeLogger('silent'), systemClock)
  const value = (name: string) => agent.signals().find((signal) => signal.name === name)?.value ?? 0
  try {
    while (
      value('Dtc.Count') === 0 ||
      value('Dtc.Uds.Count') === 0 ||
      value('Dtc.Truck.Count') === 0 ||
      value('Vehicle.OBD.EngineSpeed') === 0 ||
      value('J1939.00.EEC1.EngineSpeed') === 0
    ) {
      for (const { state, lastError } of agent.status().sensors)
        assert.notEqual(state, 'failed', JSON.stringify(lastError))
      await sleep(50)
    }
    // A list is told right behind its number.
    await sleep(500)
  } finally {
    await agent.stop()
  }
  const outbox = Outbox.open({ path: `${dir}/data/outbox.db`, vehicle: 'test-1', bootId: 'b' })
  t.after(() => outbox.close())
  const events = outbox.read('events', 0, 1000, 1e9).map(({ type, payload }) => ({
    type,
    ...JSON.parse(Buffer.from(payload).toString()),
  }))
  const codes = events.filter((e) => e.type === 'milepost.dtc.v1')
  const stored = codes.find((e) => e.sensor === 'obd' && e.code === 'P0300')
  assert.ok(stored, JSON.stringify(events))
  assert.ok(codes.some((e) => e.sensor === 'uds' && e.code === 'P0300' && e.freezeFrame))
  assert.ok(codes.some((e) => e.sensor === 'truck' && e.spn === 1322))
  const vins = events.filter((e) => e.type === 'milepost.identification.v1' && e.vin === VIN)
  assert.deepEqual([...new Set(vins.map((e) => e.sensor))].sort(), ['obd', 'uds'])
})

test('a bus that does not allow sending: the sensor says which line of the config is missing', async (t) => {
  const dir = tempDir(t)
  const config = writeConfig(dir, {
    sensors: [
      { id: 'car', kind: 'simulator', ecu: {} },
      { id: 'obd', kind: 'obd' },
      {
        id: 'uds',
        kind: 'uds',
        ecus: [
          { name: 'engine', request: 0x7e0, response: 0x7e8 },
          { name: 'brakes', request: 0x18da28f1, response: 0x18daf128 },
        ],
      },
      { id: 'truck', kind: 'j1939', address: 249 },
    ],
    log: { level: 'silent' },
  })
  const agent = await Agent.start(loadConfig(config), makeLogger('silent'), systemClock)
  try {
    const of = (id: string) => agent.status().sensors.find((sensor) => sensor.id === id)!
    const wanted = { obd: '0x7DF', uds: '0x7E0, 0x18DA28F1', truck: '0x18EEFFF9' }
    for (const [id, ids] of Object.entries(wanted)) {
      await until(`${id} has failed`, () => of(id).state === 'failed')
      assert.equal(of(id).lastError?.code, 'SEND_DENIED')
      const hint = `If it shall, name it in the config: buses.can0.send: [${ids}].`
      assert.equal(of(id).lastError?.hint, hint)
    }
    assert.equal(of('uds').opens, 0, 'it is never called live')
    assert.equal(of('car').state, 'live', 'the others go on')
    const { frames } = of('car')
    await until('the bus is read', () => of('car').frames > frames)
  } finally {
    await agent.stop()
  }
})
