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
const MAX_DRIVE_MS = 16_000

type Told = Record<string, unknown>
const isCode = (told: Told, sensor: string) =>
  told.type === 'milepost.dtc.v1' && told.sensor === sensor
const isVin = ({ type, vin, sensor }: Told, from: string) =>
  type === 'milepost.identification.v1' && vin === VIN && sensor === from

/** What the sensors have to tell as events. */
const EVENTS: Record<string, (told: Told) => unknown> = {
  'a code by OBD': (told) => isCode(told, 'obd') && told.code === 'P0300',
  'a code by UDS, with its freeze frame': (told) =>
    isCode(told, 'uds') && told.code === 'P0300' && told.freezeFrame,
  'a code by J1939': (told) => isCode(told, 'truck') && told.spn === 1322,
  'the VIN by OBD': (told) => isVin(told, 'obd'),
  'the VIN by UDS': (told) => isVin(told, 'uds'),
}

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
  /** Drives until each sensor has told something, and a little on; answers all events so far. */
  const drive = async (onMs: number) => {
    const agent = await Agent.start(loadConfig(config), makeLogger('silent'), systemClock)
    const value = (name: string) =>
      agent.signals().find((signal) => signal.name === name)?.value ?? 0
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
      await sleep(onMs)
    } finally {
      await agent.stop()
    }
    const outbox = Outbox.open({ path: `${dir}/data/outbox.db`, vehicle: 'test-1', bootId: 'b' })
    const events = outbox.read('events', 0, 1000, 1e9).map(({ type, payload }) => ({
      type,
      ...JSON.parse(Buffer.from(payload).toString()),
    }))
    outbox.close()
    return events
  }
  // A list is told right behind its number: on a slow machine that is not soon.
  let wanting: string[] = ['everything']
  let events: Awaited<ReturnType<typeof drive>> = []
  for (let onMs = 500; wanting.length > 0 && onMs <= MAX_DRIVE_MS; onMs *= 2) {
    events = await drive(onMs)
    wanting = Object.keys(EVENTS).filter((what) => !events.some(EVENTS[what]))
  }
  assert.deepEqual(wanting, [], JSON.stringify(events))
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
