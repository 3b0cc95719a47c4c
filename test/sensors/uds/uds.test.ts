import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UdsConfig } from '../../../sensors/uds/config.ts'
import { parseList, parseSnapshots, statusWords } from '../../../sensors/uds/dtc-information.ts'
import { UdsSensor, uds } from '../../../sensors/uds/uds.ts'
import { bench, ENGINE, runUntil, VIN } from '../diagnostics/bench.ts'

const IDENTIFIERS = new Map([
  [0x0110, () => Uint8Array.of(0x12, 0x34, 0xff, 0x80)],
  [0x0120, () => Uint8Array.from({ length: 300 }, (_, i) => i & 0xff)],
])

function sensor(ecu: Record<string, unknown> = {}, common: Record<string, unknown> = {}) {
  const engine = { name: 'engine', request: 0x7e0, response: 0x7e8, codes: { everyMs: 60 }, ...ecu }
  return new UdsSensor(
    uds.config.parse({ ecus: [engine], answerTimeoutMs: 80, ...common }) as UdsConfig,
  )
}

test('identifiers: numbers with place, order, sign and scale; texts; long ones', async () => {
  const { recorder } = bench({ identifiers: IDENTIFIERS })
  const identifiers = [
    {
      id: 0x0110,
      everyMs: 20,
      fields: [
        { name: 'Motor.A', unit: 'V', byte: 0, bits: 16, factor: 0.1 },
        { name: 'Motor.B', byte: 2, bits: 16, signed: true, offset: 1 },
        { name: 'Motor.C', byte: 0, bits: 4, bit: 4 },
        { name: 'Motor.D', byte: 0, bits: 16, order: 'little' },
      ],
    },
    { id: 0x0120, everyMs: 20, fields: [{ name: 'Long', byte: 298, bits: 16 }] },
    { id: 0xf190, everyMs: 20, text: 'vin' },
    { id: 0x4444, everyMs: 20, text: 'nothing' },
  ]
  await runUntil(
    sensor({ identifiers }),
    recorder,
    () =>
      recorder.told.some((r) => r.name === 'Long') &&
      recorder.told.some((r) => r.name === 'Motor.A') &&
      recorder.events.length > 0 &&
      /requestOutOfRange/.test(String(recorder.facts.engine)),
  )
  const value = (name: string) => recorder.told.find((r) => r.name === name)?.value
  assert.equal(value('Motor.A'), 466)
  assert.equal(value('Motor.B'), -127)
  assert.equal(value('Motor.C'), 1)
  assert.equal(value('Motor.D'), 0x3412)
  assert.equal(value('Long'), ((298 & 0xff) << 8) | (299 & 0xff))
  assert.deepEqual(recorder.events, [
    { type: 'milepost.identification.v1', content: { ecu: 'engine', vin: VIN } },
  ])
  assert.match(String(recorder.facts.engine), /224444: requestOutOfRange \(0x31\)/)
})

test('what is fetched is asked out of turn', async () => {
  const { recorder } = bench({ identifiers: IDENTIFIERS })
  const fields = [{ name: 'Long', byte: 298, bits: 16 }]
  const identifiers = [{ id: 0x0120, everyMs: 3_600_000, fields }]
  const slow = sensor({ identifiers, codes: { everyMs: 3_600_000 } })
  const long = () => recorder.told.filter((r) => r.name === 'Long').length
  let asked = 0
  await runUntil(slow, recorder, () => {
    if (long() > asked) {
      asked = long()
      assert.equal(slow.fetch('22 0120'), true)
      assert.equal(slow.fetch('22 0130'), false)
    }
    return long() === 4
  })
})

test('trouble codes: status words, freeze frame (04) and extended data (06), clearing', async () => {
  const { recorder, data, ecu, vehicle } = bench()
  ecu.memory.set([0x03, 0x01], ['stored', 'pending'], data.freezeFrame(), 0x16)
  const codes = () => recorder.events.filter((e) => e.type === 'milepost.dtc.v1')
  const stop = new AbortController()
  const running = sensor().run(recorder, stop.signal)
  await recorder.until(() => codes().length === 1)
  ecu.memory.clear()
  await recorder.until(() => codes().length === 2)
  await recorder.until(() => recorder.told.at(-1)?.value === 0)
  stop.abort()
  await running
  const { code, status, statusByte, freezeFrame, event } = codes()[0].content
  assert.deepEqual([code, event, statusByte], ['P0301-16', 'appeared', 0x0d])
  assert.deepEqual(status, ['testFailed', 'pending', 'confirmed'])
  const frame = freezeFrame as Record<string, number | string>
  assert.ok(Math.abs((frame['Vehicle.OBD.EngineSpeed'] as number) - vehicle.engine.rpm) <= 0.125)
  assert.equal(frame.extendedData, '0101')
  assert.equal(codes()[1].content.event, 'gone')
})

test('the extended session is entered, held by tester present, and entered again after a reset', async () => {
  const inside = new Map([[0x0210, () => Uint8Array.of(7)]])
  const { recorder, ecu } = bench({ identifiers: inside })
  const stop = new AbortController()
  const identifiers = [{ id: 0x0210, everyMs: 20, fields: [{ name: 'Inside', byte: 0 }] }]
  const config = { session: 'extended', testerPresentMs: 100, codes: false, identifiers }
  const running = sensor(config).run(recorder, stop.signal)
  await recorder.until(() => ecu.uds.session === 3 && ecu.uds.presences >= 2)
  await recorder.until(() => recorder.told.length > 5)
  ecu.uds.session = 1
  await recorder.until(() => ecu.uds.session === 3)
  stop.abort()
  await running
  assert.deepEqual(recorder.drops, {})
})

test('response pending is waited for; too long, and it counts as refused', async () => {
  const { recorder } = bench({ behaviour: { pending: 3, pendingEveryMs: 60 } })
  const identifiers = [{ id: 0xf190, everyMs: 20, text: 'vin' }]
  await runUntil(sensor({ identifiers, codes: false }), recorder, () => recorder.events.length > 0)
  assert.equal(recorder.events[0].content.vin, VIN)
})

test('CAN FD frames and extended addressing', async () => {
  const address = { txId: 0x18daf0f1, rxId: 0x18daf1f0, ext: true, txByte: 0x40, rxByte: 0xf1 }
  const { recorder } = bench({ identifiers: IDENTIFIERS, isotp: { fd: true } }, address)
  const sizes = new Set<number>()
  recorder.wire
    .channel()
    .onFrame([{ id: address.rxId, ext: true }], ({ data }) => sizes.add(data.length))
  const ecu = {
    request: address.txId,
    response: address.rxId,
    requestByte: 0x40,
    responseByte: 0xf1,
    fd: true,
    identifiers: [{ id: 0x0120, everyMs: 20, fields: [{ name: 'Long', byte: 298, bits: 16 }] }],
  }
  await runUntil(sensor(ecu), recorder, () => recorder.told.some((r) => r.name === 'Long'))
  assert.ok(sizes.has(64))
})

test('an ECU that is not there: told, and lost', async () => {
  const { recorder } = bench({ behaviour: { silent: true } })
  await assert.rejects(
    sensor({}, { lostAfterMs: 1000 }).run(recorder, new AbortController().signal),
    { code: 'DEVICE_LOST' },
  )
  assert.ok(recorder.events.some((e) => e.content.state === 'silent'))
})

test('lists and snapshots by hand, cut ones too', () => {
  const list = Uint8Array.of(0x02, 0xff, 0xc1, 0x00, 0x87, 0x2f, 0x01, 0x23)
  assert.deepEqual(
    parseList(list)?.map(({ code, status }) => [code, status]),
    [['U0100-87', statusWords(0x2f)]],
  )
  const snapshot = Uint8Array.of(0x04, 1, 2, 3, 9, 1, 2, 0xf4, 0x0c, 0x10, 0x00, 0x12, 0x34, 7)
  const known = parseSnapshots(snapshot, (id) => (id === 0xf40c ? 2 : undefined))
  assert.deepEqual([...known!.fields], [[0xf40c, Uint8Array.of(0x10, 0)]])
  assert.deepEqual(known!.rest, Uint8Array.of(0x12, 0x34, 7))
  for (let length = 0; length <= snapshot.length; length++)
    parseSnapshots(snapshot.subarray(0, length), () => 2)
})

test('frames and answers that belong to nothing are shown', async () => {
  const { recorder } = bench({ identifiers: IDENTIFIERS })
  const wire = recorder.wire.channel()
  const identifiers = [{ id: 0xf190, everyMs: 20, text: 'vin' }]
  let sent = false
  await runUntil(sensor({ identifiers }), recorder, () => {
    // A type of frame that ISO 15765-2 does not know.
    if (!sent && recorder.events.length > 0)
      wire.send(ENGINE.rxId, false, Uint8Array.of(0xf0, 1, 2, 3, 4, 5, 6, 7))
    sent ||= recorder.events.length > 0
    return / 0 stray answers, 1 stray frames/.test(String(recorder.facts.engine))
  })
})
