import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../agent/clock.ts'
import { ask } from '../../agent/control/client.ts'
import { socketPath } from '../../agent/control/socket-path.ts'
import type { AgentStatus } from '../../agent/status.ts'
import { VirtualBus } from '../../sensors/can/virtual-bus.ts'
import { SimulatedEcu } from '../../sensors/simulator/ecu/ecu.ts'
import { VehicleData } from '../../sensors/simulator/ecu/vehicle-data.ts'
import { Elm327 } from '../../sensors/simulator/peers/elm327.ts'
import { LINE_FORMATS } from '../../sensors/simulator/peers/line-device.ts'
import { nmeaSecond } from '../../sensors/simulator/peers/nmea-source.ts'
import { Vehicle } from '../../sensors/simulator/vehicle.ts'
import { Outbox } from '../../sync/outbox/outbox.ts'
import { Milepost, writeConfig } from '../support/cli.ts'
import { openPty, type Pty } from '../support/pty.ts'
import { tempDir } from '../support/temp-dir.ts'
import { until } from '../support/until.ts'

const VIN = 'WMPSXM00000000042'
const GAP = 'milepost.sensor.gap.v1'

type Signals = { name: string; unit: string; value: number }[]

test('GPS, a line device and OBD behind an ELM327 run in one agent, and an unplugged port comes back', async (t) => {
  const dir = tempDir(t)
  const open: { close(): Promise<void> | void }[] = []
  t.after(async () => {
    for (const one of open) await one.close()
  })
  const plug = (name: string): Pty => {
    const pty = openPty(join(dir, name))
    open.push(pty)
    return pty
  }
  const every = (ms: number, act: () => void): void => {
    const timer = setInterval(act, ms)
    open.push({ close: () => clearInterval(timer) })
  }

  let gps = plug('gps')
  every(50, () => {
    const state = { latitude: 48.1, longitude: 11.5, altitudeM: 500, speedKmh: 50, headingDeg: 90 }
    const utcUs = systemClock.nowUs()
    gps.write(nmeaSecond({ ...state, utcUs, inView: { GP: 8, GL: 5 }, fix: true })).catch(() => {})
  })
  const box = plug('box')
  every(50, () => void box.write(`${LINE_FORMATS.json({ temp: 21.5 })}\n`).catch(() => {}))
  const bus = new VirtualBus(systemClock)
  new Elm327(plug('elm'), bus.channel())
  const address = { txId: 0x7e8, rxId: 0x7e0, ext: false }
  const vehicle = new Vehicle({ seed: 1, faults: [], profile: 'mixed' })
  const data = new VehicleData(vehicle, VIN)
  open.push(new SimulatedEcu(bus.channel(), address, systemClock, data))

  const config = writeConfig(dir, {
    sensors: [
      { id: 'gps', kind: 'nmea', port: join(dir, 'gps') },
      { id: 'box', kind: 'lines', port: join(dir, 'box'), format: 'json', prefix: 'Box.' },
      {
        id: 'obd-port',
        kind: 'elm327',
        port: join(dir, 'elm'),
        protocol: 'can-11-500',
        listenOnly: false,
        monitor: false,
        answerTimeoutMs: 60,
      },
      {
        id: 'engine',
        kind: 'obd',
        defaultEveryMs: 0,
        pids: [{ pid: 0x0c, everyMs: 100 }],
        codesEveryMs: 0,
        answerTimeoutMs: 2000,
        discoveryMs: 2000,
      },
    ],
    buses: { can0: { send: [0x7df, 0x7e0] } },
    campaigns: [{ id: 'all', signals: ['*'], sampleEveryMs: 200 }],
  })
  const agent = new Milepost(['run', '-c', config])
  open.push({ close: () => void agent.child.kill('SIGKILL') })
  const get = <T>(path: string): Promise<T> =>
    until(`an answer to ${path}`, async () => {
      try {
        return await ask<T>(socketPath(join(dir, 'data')), 'GET', path)
      } catch (error) {
        if (agent.child.exitCode !== null) throw new Error(agent.stderr, { cause: error })
        return undefined
      }
    })
  const sensor = async (id: string) =>
    (await get<AgentStatus>('/status')).sensors.find((one) => one.id === id)!

  const wanted = {
    'Vehicle.CurrentLocation.Latitude': 48.1,
    'Vehicle.CurrentLocation.GNSSReceiver.SatellitesInView': 13,
    'Box.temp': 21.5,
    'Vehicle.OBD.EngineSpeed': Math.round(vehicle.engine.rpm * 4) / 4,
  }
  const values = await until('a value of every sensor', async () => {
    const signals = await get<Signals>('/signals')
    const found = Object.keys(wanted).map((name) => signals.find((one) => one.name === name)?.value)
    return !found.includes(undefined) && found
  })
  assert.deepEqual(values, Object.values(wanted))
  const { timeSeen } = await get<AgentStatus>('/status')
  assert.equal(timeSeen?.sensor, 'gps')

  await gps.close()
  await until('the loss of gps', async () => (await sensor('gps')).state === 'recovering')
  assert.equal((await sensor('box')).state, 'live')
  gps = plug('gps')
  await until('the return of gps', async () => (await sensor('gps')).gaps > 0)
  const after = await sensor('gps')
  assert.equal(after.state, 'live')
  assert.equal(after.opens, 2)
  assert.ok(after.gapMs > 0)

  // The gap's record, and what the ECU says it is: the last of its answers.
  await until('identification', async () => {
    const { sync } = await get<AgentStatus>('/status')
    return sync!.lanes.events.records >= 2
  })
  agent.child.kill('SIGTERM')
  assert.equal((await agent.finished).code, 0, agent.stderr)
  assert.match(agent.stderr, /"code":"DEVICE_(LOST|MISSING)".*"msg":"sensor gps is recovering"/)
  const outbox = Outbox.open({ path: join(dir, 'data/outbox.db'), vehicle: 'test-1', bootId: 'b' })
  t.after(() => outbox.close())
  const events = outbox
    .read('events', 0, 1000, 1e9)
    .map(({ type, payload }) => ({ type, content: JSON.parse(Buffer.from(payload).toString()) }))
  const gaps = events.filter(({ type }) => type === GAP)
  assert.equal(gaps.length, 1)
  assert.equal(gaps[0].content.sensor, 'gps')
  assert.match(gaps[0].content.cause, /^DEVICE_/)
  assert.equal(gaps[0].content.durationMs, after.gapMs)
  // Three frames, with the adapter's flow control in between.
  const identified = events.find(({ type }) => type === 'milepost.identification.v1')
  assert.equal(identified?.content.vin, VIN)
})
