import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../agent/clock.ts'
import { SensorError } from '../../../sensors/errors.ts'
import type { J1939Config } from '../../../sensors/j1939/config.ts'
import { diagnosticBytes, parseDiagnostic } from '../../../sensors/j1939/dm.ts'
import { makeId, PGN, parseId } from '../../../sensors/j1939/id.ts'
import { J1939Sensor, j1939 } from '../../../sensors/j1939/j1939.ts'
import { nameBytes, parseName } from '../../../sensors/j1939/name.ts'
import { meaningOf } from '../../../sensors/j1939/patterns.ts'
import { MAX_SESSIONS } from '../../../sensors/j1939/transport-receiver.ts'
import { vehicleGroups } from '../../../sensors/simulator/ecu/j1939-groups.ts'
import { J1939Node } from '../../../sensors/simulator/ecu/j1939-node.ts'
import { Vehicle } from '../../../sensors/simulator/vehicle.ts'
import { Recorder } from '../recorder.ts'

const VIN = 'WMPSXM00000000009'

/** A sensor and a simulated truck engine on one bus; the engine is ticked until the test ends. */
function bench(config: Record<string, unknown> = {}) {
  const recorder = new Recorder(systemClock)
  const vehicle = new Vehicle({ seed: 5 })
  for (let i = 0; i < 3000; i++) vehicle.step()
  const node = new J1939Node(recorder.wire.channel(), 0, systemClock, vehicleGroups(vehicle, VIN))
  const sensor = new J1939Sensor(j1939.config.parse(config) as J1939Config)
  return {
    recorder,
    vehicle,
    node,
    async until(condition: () => boolean): Promise<void> {
      const stop = new AbortController()
      const ticking = setInterval(() => node.tick(), 5)
      const running = sensor.run(recorder, stop.signal)
      node.claim()
      try {
        await Promise.race([recorder.until(condition), running])
      } finally {
        clearInterval(ticking)
        stop.abort()
        await running.catch(() => {})
      }
    },
    events: (type: string) => recorder.events.filter((e) => e.type === type).map((e) => e.content),
  }
}

test('groups by number and source: values agree with the vehicle, "not available" is no value', async () => {
  const { recorder, vehicle, until } = bench()
  const names = () => new Set(recorder.told.map((r) => r.name))
  await until(
    () =>
      names().has('J1939.00.ET1.OilTemperature') &&
      names().has('J1939.00.EEC1.EngineSpeed') &&
      names().has('J1939.00.CCVS1.VehicleSpeed') &&
      Number(recorder.facts.notAvailable) > 0,
  )
  const value = (name: string) => recorder.told.find((r) => r.name === `J1939.00.${name}`)!.value
  assert.ok(Math.abs(value('EEC1.EngineSpeed') - vehicle.engine.rpm) <= 0.0625)
  assert.ok(Math.abs(value('CCVS1.VehicleSpeed') - vehicle.engine.speed * 3.6) <= 1 / 256)
  assert.ok(Math.abs(value('ET1.CoolantTemperature') - vehicle.thermal.coolant) <= 0.5)
  assert.ok(Math.abs(value('ET1.OilTemperature') - vehicle.thermal.oil) <= 0.02)
  assert.ok(!names().has('J1939.00.ET1.FuelTemperature'), 'byte 2 is 0xFF')
  assert.ok(!names().has('J1939.00.CCVS1.ParkingBrake'), 'both bits are set')
})

test('a group of the config for one source has its own name; other sources are left out', async () => {
  const field = { name: 'Rpm', unit: 'rpm', byte: 3, bits: 16, factor: 0.125 }
  const { recorder, vehicle, until } = bench({
    builtin: false,
    groups: [{ pgn: 61444, source: 0, fields: [field] }],
  })
  const other = new J1939Node(recorder.wire.channel(), 1, systemClock, vehicleGroups(vehicle, VIN))
  const ticking = setInterval(() => other.tick(), 5)
  await until(() => recorder.told.filter((r) => r.name === 'Rpm').length > 5)
  clearInterval(ticking)
  assert.deepEqual([...new Set(recorder.told.map((r) => r.name))].sort(), ['Dtc.Count', 'Rpm'])
})

test('DM1 by broadcast: many codes become records and a reading, they go again', async () => {
  const { recorder, node, until, events } = bench()
  for (let i = 0; i < 5; i++) node.active.push({ spn: 520_000 + i, fmi: i, occurrences: i + 1 })
  await until(() => {
    if (events('milepost.dtc.v1').length === 5) node.active.length = 1
    return recorder.told.some((r) => r.name === 'Dtc.Count' && r.value === 1)
  })
  const codes = events('milepost.dtc.v1')
  assert.equal(codes.length, 9)
  assert.deepEqual(
    codes
      .slice(0, 5)
      .map(({ ecu, event, spn, fmi, occurrences }) => [ecu, event, spn, fmi, occurrences]),
    [0, 1, 2, 3, 4].map((i) => ['00', 'appeared', 520_000 + i, i, i + 1]),
  )
  assert.ok(codes.slice(5).every((c) => c.event === 'gone'))
  assert.deepEqual(events('milepost.lamps.v1')[0], { ecu: '00', lamps: ['amber warning'] })
})

test('asked for: VIN by RTS/CTS and DM2, from an address that was claimed', async () => {
  const { node, until, events } = bench({
    address: 0xf9,
    requests: [
      { pgn: 65260, everyMs: 1000, destination: 0 },
      { pgn: 65227, everyMs: 1000 },
    ],
  })
  node.previous.push({ spn: 110, fmi: 0, occurrences: 3 })
  await until(
    () => events('milepost.identification.v1').length > 0 && events('milepost.dtc.v1').length > 0,
  )
  assert.deepEqual(events('milepost.identification.v1'), [{ ecu: '00', vin: VIN }])
  const [code] = events('milepost.dtc.v1')
  assert.deepEqual([code.code, code.status], ['SPN 110 FMI 0', ['previously active']])
})

test('a device that is busy again and again: all is sent in the end', async () => {
  const requests = [{ pgn: 65260, everyMs: 1000, destination: 0 }]
  const { recorder, until, events } = bench({ address: 0xf9, requests })
  const { channel } = recorder
  const send = channel.send.bind(channel)
  let tried = 0
  channel.send = (...frame) => {
    if (++tried % 3 !== 0) throw new SensorError('DEVICE_BUSY', 'The queue is full.')
    send(...frame)
  }
  await until(() => events('milepost.identification.v1').length > 0)
  assert.deepEqual(events('milepost.identification.v1'), [{ ecu: '00', vin: VIN }])
  // Claim, question and clear-to-send, each at its third try.
  assert.ok(tried >= 9, `${tried}`)
})

test('what the config forbids to send ends the sensor', async () => {
  const recorder = new Recorder(systemClock)
  recorder.channel.send = () => {
    throw new SensorError('SEND_DENIED', 'Not allowed.')
  }
  const sensor = new J1939Sensor(j1939.config.parse({ address: 0xf9 }) as J1939Config)
  await assert.rejects(sensor.run(recorder, new AbortController().signal), { code: 'SEND_DENIED' })
})

test('an address claim is seen, and one for our own address taken from us by a stronger name', async () => {
  const { recorder, until, events } = bench({ address: 0x20 })
  const rival = recorder.wire.channel()
  const name = { ...parseName(new Uint8Array(8))!, identity: 0, function: 3 }
  await until(() => {
    if (events('milepost.j1939.address.v1').length === 1) {
      const id = makeId({ priority: 6, pgn: 0xee00, source: 0x20, destination: 0xff })
      rival.send(id, true, nameBytes(name))
    }
    return recorder.facts.address !== undefined
  })
  const [engine, taken] = events('milepost.j1939.address.v1')
  assert.deepEqual([engine.ecu, engine.industryGroup], ['00', 1])
  assert.deepEqual([taken.ecu, taken.function], ['20', 3])
})

test('a message that breaks off in the middle is counted, and the next one read', async () => {
  const { recorder, node, until, events } = bench()
  for (let i = 0; i < 4; i++) node.active.push({ spn: 100 + i, fmi: 1, occurrences: 1 })
  node.behaviour.stopAfterPackets = 1
  await until(() => {
    if ((recorder.drops.incomplete ?? 0) > 0) node.behaviour.stopAfterPackets = undefined
    return events('milepost.dtc.v1').length === 4
  })
  assert.ok((recorder.drops.incomplete ?? 0) > 0)
})

test('messages of up to 64 bytes go to the DBC files too, whole; longer ones do not', async () => {
  const { recorder, node, until, events } = bench()
  node.active.push({ spn: 100, fmi: 1, occurrences: 1 }, { spn: 101, fmi: 2, occurrences: 1 })
  await until(() => {
    if (recorder.seen.length > 0)
      for (let i = 0; node.active.length < 20; i++)
        node.active.push({ spn: 200 + i, fmi: 1, occurrences: 1 })
    return events('milepost.dtc.v1').length === 20
  })
  const whole = Buffer.from(diagnosticBytes(node.active.slice(0, 2))).toString('hex')
  assert.ok(recorder.seen.every((frame) => frame.id === 0x18feca00 && frame.data === whole))
  assert.ok(recorder.seen.length > 0)
})

test('identifiers both ways', () => {
  assert.deepEqual(parseId(0x18fef100), {
    priority: 6,
    pgn: 0xfef1,
    source: 0,
    destination: 0xff,
  })
  assert.deepEqual(parseId(0x18ea00f9), {
    priority: 6,
    pgn: 0xea00,
    source: 0xf9,
    destination: 0,
  })
  for (const id of [0x18fef100, 0x18ea00f9, 0x0cf00400, 0x1cebff03])
    assert.equal(makeId(parseId(id)), id)
})

test('patterns of J1939-71, 5.1.4', () => {
  const cases: [number, number, string][] = [
    [0xfa, 8, 'value'],
    [0xfb, 8, 'reserved'],
    [0xfe, 8, 'error'],
    [0xff, 8, 'not available'],
    [0xfaff, 16, 'value'],
    [0xfb00, 16, 'reserved'],
    [0xfe12, 16, 'error'],
    [0xff00, 16, 'not available'],
    [0xfaffffff, 32, 'value'],
    [0xfe000000, 32, 'error'],
    [0xffffffff, 32, 'not available'],
    [1, 2, 'value'],
    [2, 2, 'error'],
    [3, 2, 'not available'],
    [13, 4, 'value'],
    [14, 4, 'error'],
    [15, 4, 'not available'],
    [1, 1, 'value'],
  ]
  for (const [raw, bits, meaning] of cases)
    assert.equal(meaningOf(raw, bits), meaning, `${raw} of ${bits} bits`)
})

test('DM1 by hand, and what a simulated ECU writes', () => {
  // J1939-73, 5.7.1: SPN 91 FMI 3, five times, amber lamp.
  const message = parseDiagnostic(
    Uint8Array.of(0x04, 0xff, 0x5b, 0x00, 0x03, 0x05, 0xff, 0xff),
    'active',
  )
  assert.deepEqual(message?.lamps, ['amber warning'])
  assert.deepEqual(message?.codes, [
    { code: 'SPN 91 FMI 3', status: ['active'], details: { spn: 91, fmi: 3, occurrences: 5 } },
  ])
  const none = parseDiagnostic(diagnosticBytes([]), 'active')
  assert.deepEqual(none, { lamps: [], codes: [] })
})

test('what is lost is counted: messages beyond the bound, packets of none, those no frame holds', async () => {
  const recorder = new Recorder(systemClock)
  const stop = new AbortController()
  const running = new J1939Sensor(j1939.config.parse({}) as J1939Config).run(recorder, stop.signal)
  try {
    const wire = recorder.wire.channel()
    const send = (pgn: number, source: number, data: number[]): void =>
      wire.send(
        makeId({ priority: 7, pgn, source, destination: 0xff }),
        true,
        Uint8Array.from(data),
      )
    const announce = (source: number, size: number): void =>
      send(PGN.transportControl, source, [32, size, 0, Math.ceil(size / 7), 255, 0, 0xff, 0])
    send(PGN.transportData, 1, [1, 0, 0, 0, 0, 0, 0, 0])
    announce(1, 70)
    for (let packet = 1; packet <= 10; packet++)
      send(PGN.transportData, 1, [packet, 0, 0, 0, 0, 0, 0, 0])
    for (let source = 0; source <= MAX_SESSIONS; source++) announce(source, 9)
    await Promise.race([
      running,
      recorder.until(() => recorder.drops.incomplete === 1 && recorder.facts.tooLongForDbc === 1),
    ])
    assert.equal(recorder.facts.strayPackets, 1)
  } finally {
    stop.abort()
    await running
  }
})
