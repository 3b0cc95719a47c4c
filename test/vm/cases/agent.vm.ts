import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { Agent } from '../../../agent/agent.ts'
import { loadConfig } from '../../../agent/config/load.ts'
import { makeLogger } from '../../../agent/log.ts'
import { PACKAGE_ROOT } from '../../../agent/package-root.ts'
import { DatabaseSet } from '../../../sensors/dbc/database-set.ts'
import { Decoder } from '../../../sensors/dbc/decoder.ts'
import { FRAME_EXT, FRAME_FD, FRAME_STRIDE, FrameBatch } from '../../../sensors/frame.ts'
import { ReadingBatch, SignalCatalog } from '../../../sensors/reading.ts'
import { Vehicle } from '../../../sensors/simulator/vehicle.ts'
import { VehicleBus } from '../../../sensors/simulator/vehicle-bus.ts'
import { vehicleDatabase } from '../../../sensors/simulator/vehicle-dbc.ts'
import { Outbox } from '../../../sync/outbox/outbox.ts'
import { eventually, ip, VCAN } from '../guest.ts'
import { sendAll } from '../sender.ts'

const DBC = join(PACKAGE_ROOT, 'sensors/simulator/vehicle.dbc')
const BURST = 20_000
const AFTER = 500
/** What the burst is meant to take. */
const BURST_MS = 250
const PER_MS = BURST / BURST_MS
/** How long the interface is down: a minute in full (`npm run test:vm -- --full`). */
const OUTAGE_MS = process.env.MILEPOST_VM_FULL === '1' ? 60_000 : 3_000

async function startAgent(t: TestContext): Promise<{ agent: Agent; dir: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'agent-'))
  const file = join(dir, 'milepost.yaml')
  writeFileSync(
    file,
    stringify({
      vehicle: 'vm-1',
      dataDir: join(dir, 'data'),
      sensors: [{ id: 'can', kind: 'socketcan', bus: 'can0', interface: VCAN }],
      buses: { can0: { dbc: [DBC] } },
      campaigns: [{ id: 'all', signals: ['*'], sampleEveryMs: 100 }],
      log: { level: 'silent' },
    }),
  )
  const agent = await Agent.start(loadConfig(file), makeLogger('silent'))
  t.after(() => agent.stop())
  return { agent, dir }
}

/** Classic frames of a simulated drive, as the kernel has them, and what the decoder makes of them. */
function drive(count: number) {
  const bus = new VehicleBus(new Vehicle({ seed: 7, profile: 'mixed', faults: [] }), 7)
  const step = new FrameBatch(bus.maxFramesPerStep)
  const kernel = new Uint8Array(count * 16)
  const view = new DataView(kernel.buffer)
  const catalog = new SignalCatalog()
  const decoder = new Decoder([new DatabaseSet([vehicleDatabase()])], catalog)
  const out = new ReadingBatch()
  const latest = new Map<string, number>()
  let readings = 0
  let made = 0
  while (made < count) {
    step.count = 0
    bus.step(step)
    const one = new FrameBatch(1)
    for (let i = 0; i < step.count && made < count; i++) {
      if (step.flags[i] & FRAME_FD) continue
      const data = step.data.subarray(i * FRAME_STRIDE, i * FRAME_STRIDE + step.length[i])
      const ext = (step.flags[i] & FRAME_EXT) !== 0
      view.setUint32(made * 16, (step.id[i] | (ext ? 0x8000_0000 : 0)) >>> 0, true)
      kernel[made * 16 + 4] = step.length[i]
      kernel.set(data, made * 16 + 8)
      one.count = 1
      one.id[0] = step.id[i]
      one.flags[0] = step.flags[i]
      one.length[0] = step.length[i]
      one.data.set(data)
      out.count = 0
      decoder.decode(one, out, () => assert.fail('one frame filled the batch'))
      readings += out.count
      for (let k = 0; k < out.count; k++) {
        latest.set(catalog.at(out.signal[k]).name, out.value[k])
      }
      made++
    }
  }
  return { kernel, readings, latest }
}

async function framesOf(agent: Agent, count: number): Promise<void> {
  let before = -1
  // Until all are there, or none came for a second: then some were lost, which the test will say.
  for (;;) {
    const seen = agent.status().sensors[0].frames
    if (seen >= count || seen === before) return
    before = seen
    await sleep(1000)
  }
}

async function burst(t: TestContext, agent: Agent): Promise<void> {
  const { kernel, readings, latest } = drive(BURST + AFTER)
  const burstUs = await sendAll(VCAN, kernel.subarray(0, BURST * 16), { perMs: PER_MS })
  const afterUs = await sendAll(VCAN, kernel.subarray(BURST * 16), { perMs: 1 })
  await framesOf(agent, BURST + AFTER)
  const { sensors, decode, readings: decoded, records } = agent.status()
  t.diagnostic(
    `${BURST} frames in ${(burstUs / 1000).toFixed(0)} ms (meant: ${BURST_MS}), ${AFTER} in ${(afterUs / 1000).toFixed(0)} ms: ` +
      `${sensors[0].frames} read, ${decode?.decoded} decoded, ${decoded} readings, ${records} records`,
  )
  assert.equal(sensors[0].frames, BURST + AFTER)
  assert.deepEqual(sensors[0].dropped, {})
  assert.equal(decode?.decoded, BURST + AFTER)
  assert.deepEqual([decode?.unknown, decode?.short], [0, 0])
  assert.equal(decoded, readings)
  assert.ok(records > 0)
  const shown = new Map(agent.signals().map(({ name, value }) => [name, value]))
  assert.deepEqual([...shown].sort(), [...latest].sort())
  // Kept on disk, not only counted.
  const onDisk = () => agent.status().sync?.lanes.telemetry.records ?? 0
  await eventually(() => onDisk() >= records)
  assert.equal(agent.status().sync?.lanes.telemetry.dropped, 0)
}

async function outage(t: TestContext, agent: Agent): Promise<void> {
  t.after(() => ip(`link set ${VCAN} up`))
  const { kernel } = drive(100)
  const before = agent.status().sensors[0].frames
  const sensor = () => agent.status().sensors[0]
  await sendAll(VCAN, kernel)
  await eventually(() => sensor().frames === before + 100)
  ip(`link set ${VCAN} down`)
  await eventually(() => sensor().state === 'recovering')
  assert.equal(sensor().lastError?.code, 'DEVICE_LOST')
  assert.match(sensor().lastError!.hint!, new RegExp(`ip link set ${VCAN} up`))
  assert.equal(sensor().dropped.interface_down, 1)
  await sleep(OUTAGE_MS)
  assert.equal(sensor().state, 'recovering')
  // Nothing is lost but what was on the bus: all the while the agent goes on and tries again.
  assert.equal(agent.status().sensors.length, 1)
  ip(`link set ${VCAN} up`)
  await eventually(() => sensor().state === 'live')
  await sendAll(VCAN, kernel)
  await eventually(() => sensor().frames === before + 200)
  assert.equal(sensor().opens, 2)
  // Told: how long data was missing.
  assert.equal(sensor().gaps, 1)
  assert.ok(sensor().gapMs >= OUTAGE_MS, `${sensor().gapMs} ms`)
}

test('the whole agent on a real bus', async (t) => {
  const { agent, dir } = await startAgent(t)
  await t.test('20,000 frames at 80 a millisecond and 500 at one: all decoded, none lost', (t) =>
    burst(t, agent),
  )
  await t.test('an interface that is down for a while: told, and back by itself', (t) =>
    outage(t, agent),
  )
  await t.test('its record says since when, how long and why', async (t) => {
    await agent.stop()
    const outbox = Outbox.open({ path: `${dir}/data/outbox.db`, vehicle: 'vm-1', bootId: 'b' })
    t.after(() => outbox.close())
    const told = outbox.read('events', 0, 1000, 1e9).map(({ type, payload }) => ({
      type,
      ...JSON.parse(Buffer.from(payload).toString()),
    }))
    const gaps = told.filter(({ type }) => type === 'milepost.sensor.gap.v1')
    assert.equal(gaps.length, 1, JSON.stringify(told))
    const [{ sensor, cause, fromUs, durationMs, timeUs }] = gaps
    assert.deepEqual([sensor, cause], ['can', 'DEVICE_LOST'])
    assert.ok(durationMs >= OUTAGE_MS)
    assert.ok(Math.abs(timeUs - fromUs - durationMs * 1000) < 5_000_000)
    t.diagnostic(`down for ${OUTAGE_MS} ms; the record says ${durationMs} ms since ${fromUs}`)
  })
})
