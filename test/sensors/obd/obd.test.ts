import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../agent/clock.ts'
import { SensorError } from '../../../sensors/errors.ts'
import { normalFixed, opposite } from '../../../sensors/isotp/address.ts'
import { type ObdConfig, ObdSensor, obd } from '../../../sensors/obd/obd.ts'
import { SimulatedEcu } from '../../../sensors/simulator/ecu/ecu.ts'
import { bench, runUntil, VIN } from '../diagnostics/bench.ts'
import { Recorder } from '../recorder.ts'

function sensor(config: Record<string, unknown> = {}): ObdSensor {
  // The ECU is in the same process: where that stands still, it is late as well.
  const fast = { defaultEveryMs: 50, codesEveryMs: 100, discoveryMs: 250, answerTimeoutMs: 80 }
  return new ObdSensor(obd.config.parse({ ...fast, ...config }) as ObdConfig)
}

const named = (recorder: Recorder, name: string) => recorder.told.filter((r) => r.name === name)

test('whatever PIDs the vehicle has are found and read, and agree with the vehicle', async () => {
  const { recorder, vehicle } = bench()
  await runUntil(
    sensor(),
    recorder,
    () =>
      new Set(recorder.told.map((r) => r.name)).size >= 22 &&
      named(recorder, 'Dtc.Count').length > 0,
  )
  const latest = new Map(recorder.told.map(({ name, value }) => [name, value]))
  const near = (name: string, expected: number, step: number): void => {
    const value = latest.get(`Vehicle.OBD.${name}`)
    assert.ok(value !== undefined && Math.abs(value - expected) <= step, `${name}: ${value}`)
  }
  near('EngineSpeed', vehicle.engine.rpm, 0.125)
  near('Speed', vehicle.engine.speed * 3.6, 0.5)
  near('CoolantTemperature', vehicle.thermal.coolant, 0.5)
  near('MAF', vehicle.engine.airFlow, 0.005)
  near('EngineLoad', vehicle.engine.load * 100, 0.2)
  near('ControlModuleVoltage', vehicle.battery.voltage, 0.0005)
  near('Odometer', vehicle.startKm + vehicle.tripKm, 0.05)
  near('Status.DTCCount', 0, 0)
  assert.equal(latest.get('Dtc.Count'), 0)
  assert.equal(recorder.catalog.find('Vehicle.OBD.Speed')?.unit, 'km/h')
  assert.deepEqual(recorder.drops, {})
})

test('VIN and calibration are told once', async () => {
  const { recorder } = bench()
  const every = { identificationEveryMs: 20, defaultEveryMs: 0, pids: [{ pid: 12, everyMs: 20 }] }
  await runUntil(sensor(every), recorder, () => recorder.told.length > 20)
  const told = recorder.events.filter((e) => e.type === 'milepost.identification.v1')
  assert.deepEqual(told, [
    {
      type: 'milepost.identification.v1',
      content: {
        ecu: '7E8',
        vin: VIN,
        calibrationIds: ['MP-SIM-0001'],
        calibrationNumbers: ['5EED0001'],
        ecuName: 'ECM-EngineControl',
      },
    },
  ])
})

test('answers that were lost at first are not missed for an hour, or for good: VIN, PIDs, pending codes', async () => {
  const { recorder, data, ecu } = bench()
  ecu.memory.set([0x03, 0x01], ['pending'], data.freezeFrame())
  const send = recorder.channel.send.bind(recorder.channel)
  const lost: Record<string, number> = { '01 00': 2, '07': 2, '09 00': 4, '09 02': 1 }
  recorder.channel.send = (id, ext, frame, flags) => {
    const request = [...frame.subarray(1, 1 + frame[0])]
    const asked = request.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    if (id !== 0x7df && lost[asked] > 0) lost[asked]--
    else send(id, ext, frame, flags)
  }
  const vins = () => recorder.events.filter((e) => e.content.vin === VIN)
  const codes = () => recorder.events.filter((e) => e.content.code === 'P0301')
  const all = () => vins().length > 0 && codes().length > 0
  await runUntil(sensor({ answerTimeoutMs: 200 }), recorder, all)
  assert.deepEqual(Object.values(lost), [0, 0, 0, 0])
  assert.ok(named(recorder, 'Vehicle.OBD.EngineSpeed').length > 0)
})

test('codes that come, change and go: records with freeze frame, first and last seen', async () => {
  const { recorder, data, ecu, vehicle } = bench()
  const codes = () => recorder.events.filter((e) => e.type === 'milepost.dtc.v1')
  const rpm = vehicle.engine.rpm
  ecu.memory.set([0x03, 0x01], ['pending'], data.freezeFrame())
  const stop = new AbortController()
  const running = sensor({ allowClear: true }).run(recorder, stop.signal)
  await recorder.until(() => codes().length === 1)
  ecu.memory.set([0x03, 0x01], ['stored'], data.freezeFrame())
  await recorder.until(() => codes().length === 2)
  ecu.memory.set([0xc1, 0x00], ['stored', 'permanent'], data.freezeFrame())
  await recorder.until(() => codes().length === 3)
  await recorder.until(() => named(recorder, 'Dtc.Count').at(-1)?.value === 2)
  ecu.memory.clear()
  await recorder.until(() => codes().length === 5)
  stop.abort()
  await running
  const [pending, stored, network, ...rest] = codes().map((e) => e.content)
  assert.equal(pending.event, 'appeared')
  assert.deepEqual([pending.code, pending.ecu, pending.status], ['P0301', '7E8', ['pending']])
  assert.equal(stored.event, 'changed')
  assert.deepEqual(stored.status, ['stored', 'pending'])
  assert.equal(stored.firstSeenUs, pending.firstSeenUs)
  assert.ok(!pending.freezeFrame && stored.freezeFrame, 'the frame comes with the stored code')
  assert.ok((stored.lastSeenUs as number) > (stored.firstSeenUs as number))
  assert.deepEqual([network.code, network.status], ['U0100', ['stored', 'permanent']])
  assert.deepEqual(rest.map((c) => [c.code, c.event]).sort(), [
    ['P0301', 'gone'],
    ['U0100', 'changed'],
  ])
  assert.ok(Math.abs(rpm - vehicle.engine.rpm) < 1)
})

test('a code that comes as stored brings the freeze frame of its moment', async () => {
  const { recorder, data, ecu, vehicle } = bench()
  ecu.memory.set([0x02, 0x17], ['stored'], data.freezeFrame())
  await runUntil(sensor(), recorder, () => recorder.events.some((e) => e.content.freezeFrame))
  const { freezeFrame, code } = recorder.events.find((e) => e.content.freezeFrame)!.content
  assert.equal(code, 'P0217')
  const frame = freezeFrame as Record<string, number>
  assert.ok(Math.abs(frame['Vehicle.OBD.EngineSpeed'] - vehicle.engine.rpm) <= 0.125)
  assert.equal(Object.keys(frame).length, 9)
})

test('clearing codes is refused unless the config allows it', async () => {
  const { recorder, data, ecu } = bench()
  ecu.memory.set([0x03, 0x01], ['stored'], data.freezeFrame())
  await assert.rejects(sensor().clearCodes(), { code: 'SEND_DENIED' })
  const allowed = sensor({ allowClear: true })
  const cleared: unknown[] = []
  await runUntil(allowed, recorder, () => {
    if (recorder.events.length > 0 && cleared.length === 0)
      cleared.push(
        allowed.clearCodes().then((answers) => assert.deepEqual(answers, { '7E8': 'positive' })),
      )
    return recorder.events.some((e) => e.content.event === 'gone')
  })
  await Promise.all(cleared)
  assert.equal(ecu.memory.all().length, 0)
})

test('clearing is fetched where it is allowed, and nowhere else', async () => {
  const { recorder, data, ecu } = bench()
  ecu.memory.set([0x03, 0x01], ['stored'], data.freezeFrame())
  const quiet = { defaultEveryMs: 0, codesEveryMs: 3_600_000 }
  const careful = sensor(quiet)
  let refused = 0
  await runUntil(careful, recorder, () => {
    if (recorder.events.length > 0 && !careful.fetch('04')) refused++
    return refused > 0
  })
  const allowed = sensor({ ...quiet, allowClear: true })
  assert.equal(allowed.fetch('04'), false, 'nobody is there yet')
  const stop = new AbortController()
  const running = allowed.run(recorder, stop.signal)
  const codes = () => recorder.events.filter((e) => e.type === 'milepost.dtc.v1')
  await recorder.until(() => codes().length === 2)
  assert.equal(ecu.memory.all().length, 1)
  assert.equal(allowed.fetch('04'), true)
  await recorder.until(() => codes().at(-1)?.content.event === 'gone')
  assert.equal(ecu.memory.all().length, 0)
  ecu.memory.set([0x04, 0x20], ['stored'], data.freezeFrame())
  assert.equal(allowed.fetch('codes'), true)
  await recorder.until(() => codes().at(-1)?.content.code === 'P0420')
  stop.abort()
  await running
})

test('29-bit identifiers, and two ECUs of which each PID is asked once', async () => {
  const { recorder, data } = bench({}, normalFixed(0x10))
  const gearbox = new SimulatedEcu(
    recorder.wire.channel(),
    opposite(normalFixed(0x18)),
    systemClock,
    data,
  )
  const asked: number[] = []
  recorder.wire
    .channel()
    .onFrame([{ id: 0x18da18f1, ext: true }], ({ data }) => asked.push(data[1] * 256 + data[2]))
  await runUntil(sensor({ ext: true }), recorder, () => recorder.told.length > 60)
  assert.ok(recorder.facts['18DAF110'] && recorder.facts['18DAF118'])
  assert.ok(
    asked.includes(0x0300 + 0xcc) || asked.some((a) => a >> 8 === 3),
    'codes are asked of both',
  )
  assert.ok(!asked.includes(0x010c), 'but engine speed of the first only')
  gearbox.close()
})

test('an ECU that stops in the middle of an answer: told, counted, and read again', async () => {
  const { recorder, data, ecu } = bench()
  for (let i = 0; i < 8; i++) ecu.memory.set([0x03, i + 1], ['stored'], data.freezeFrame())
  ecu.behaviour.stopAfterFrames = 1
  const states = () =>
    recorder.events.filter((e) => e.type === 'milepost.ecu.v1').map((e) => e.content.state)
  const stop = new AbortController()
  // Only codes are asked: their long answer is what breaks off.
  const running = sensor({ defaultEveryMs: 0, identificationEveryMs: 0 }).run(recorder, stop.signal)
  await recorder.until(() => states().length === 1)
  assert.deepEqual(states(), ['stopped midway'])
  assert.ok((recorder.drops.incomplete ?? 0) > 0)
  ecu.behaviour.stopAfterFrames = undefined
  await recorder.until(() => named(recorder, 'Dtc.Count').some((r) => r.value === 8))
  await recorder.until(() => states().length === 2)
  stop.abort()
  await running
  const answering = recorder.events.filter((e) => e.type === 'milepost.ecu.v1')[1].content
  assert.equal(answering.state, 'answering')
  assert.ok((answering.gapMs as number) > 0)
})

test('a slow ECU is never asked while it still answers, and gets its rest', async () => {
  const { recorder, ecu } = bench({ behaviour: { delayMs: 20 } })
  const greedy = { defaultEveryMs: 20, answerTimeoutMs: 2000, discoveryMs: 300, load: 0.5 }
  await runUntil(sensor(greedy), recorder, () => recorder.told.length > 50)
  assert.ok(ecu.requests > 50)
  assert.equal(ecu.overlapping, 0)
  assert.match(String(recorder.facts['7E8']), / 0 unanswered/)
})

test('pending, busy, refusing and silent ECUs', async () => {
  const { recorder, ecu } = bench({ behaviour: { pending: 2, pendingEveryMs: 30 } })
  await runUntil(sensor({ answerTimeoutMs: 50 }), recorder, () => recorder.told.length > 10)
  ecu.behaviour.pending = 0
  ecu.behaviour.refuse = 0x11
  const before = recorder.told.length
  await assert.rejects(
    runUntil(sensor(), recorder, () => recorder.told.length > before),
    (error: SensorError) => error.code === 'DEVICE_LOST' && /ignition/.test(error.hint ?? ''),
    'nobody answers a functional request with no',
  )
  ecu.behaviour.refuse = undefined
  ecu.behaviour.silent = true
  await assert.rejects(
    runUntil(sensor(), recorder, () => false),
    { code: 'DEVICE_LOST' },
  )
})

test('a vehicle that falls silent is told, and lost in the end', async () => {
  const { recorder, ecu } = bench()
  const running = sensor({ lostAfterMs: 1000 }).run(recorder, new AbortController().signal)
  await recorder.until(() => recorder.told.length > 5)
  ecu.behaviour.silent = true
  await assert.rejects(running, { code: 'DEVICE_LOST' })
  assert.ok(recorder.events.some((e) => e.content.state === 'silent'))
})

test('a bus that may not send says which identifier the config must name', async () => {
  const recorder = new Recorder(systemClock)
  recorder.channel.send = () => {
    throw new SensorError('SEND_DENIED', 'Bus can0 may not send 0x7DF.')
  }
  await assert.rejects(sensor().run(recorder, new AbortController().signal), /0x7DF/)
})

test('a PID that is fetched is asked once, out of turn; what the vehicle has not is refused', async () => {
  const { recorder } = bench()
  const slow = { defaultEveryMs: 0, pids: [{ pid: 12, everyMs: 20 }], codesEveryMs: 0 }
  const under = sensor({ ...slow, identificationEveryMs: 0 })
  assert.equal(under.fetch('01 05'), false)
  let asked = false
  await runUntil(under, recorder, () => {
    const speeds = named(recorder, 'Vehicle.OBD.EngineSpeed').length
    if (speeds >= 3 && !asked) {
      asked = under.fetch('01 05')
      assert.ok(asked)
      assert.deepEqual(
        ['01 FF', '02 05', 'rubbish', ''].map((what) => under.fetch(what)),
        [false, false, false, false],
      )
    }
    return speeds >= 20
  })
  assert.equal(named(recorder, 'Vehicle.OBD.CoolantTemperature').length, 1)
})
