import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodePid } from '../../../sensors/diagnostics/pids.ts'
import { parseDiagnostic } from '../../../sensors/j1939/dm.ts'
import { J1939Sensor, j1939 } from '../../../sensors/j1939/j1939.ts'
import { parseName } from '../../../sensors/j1939/name.ts'
import { ObdSensor, obd } from '../../../sensors/obd/obd.ts'
import { parseCodes, parseInformation } from '../../../sensors/obd/services.ts'
import { Random } from '../../../sensors/simulator/random.ts'
import {
  parseCount,
  parseExtended,
  parseList,
  parseSnapshots,
} from '../../../sensors/uds/dtc-information.ts'
import { UdsSensor, uds } from '../../../sensors/uds/uds.ts'
import { SEED, tries } from '../../support/fuzz.ts'
import { bench } from './bench.ts'

const FRAMES = tries(100_000, 1_000_000)

test(`${FRAMES} random answers (seed ${SEED}) into every parser: no crash, no value from bytes that are not there`, () => {
  const random = new Random(SEED, 'answers')
  const behind = new Uint8Array(64)
  for (let i = 0; i < FRAMES; i++) {
    const length = random.integer(0, 40)
    for (let k = 0; k < 64; k++) behind[k] = random.integer(0, 255)
    const data = behind.subarray(0, length)
    // The same bytes in an array of their own: what lies behind must make no difference.
    const alone = behind.slice(0, length)
    const sub = [1, 2, 4, 6][i & 3]
    if (length > 0) data[0] = alone[0] = sub
    const parsers: ((d: Uint8Array) => unknown)[] = [
      (d) => decodePid(i & 0xff, d),
      (d) => parseCodes(3, d),
      (d) => parseInformation([2, 4, 6, 10][i & 3], i & 4 ? 'hex' : 'text', d),
      (d) => parseCount(d),
      (d) => parseList(d),
      (d) => parseSnapshots(d, (id) => (id & 1 ? 2 : undefined)),
      (d) => parseExtended(d),
      (d) => parseDiagnostic(d, 'active'),
      (d) => parseName(d),
    ]
    const parse = parsers[i % parsers.length]
    const [one, two] = [parse(data), parse(alone)]
    if (JSON.stringify(one) !== JSON.stringify(two)) assert.deepEqual(one, two)
    for (const { signal, value } of decodePid(i & 0xff, data) ?? [])
      if (!Number.isFinite(value)) assert.fail(`${signal.name} is ${value}`)
  }
})

const NOISE = tries(20_000, 200_000)

test(`${NOISE} random frames (seed ${SEED}) between sensors and ECU: all of them work when it is quiet again`, async () => {
  const random = new Random(SEED, 'noise')
  const { recorder, ecu, data } = bench()
  ecu.memory.set([0x03, 0x01], ['stored'], data.freezeFrame())
  const noise = recorder.wire.channel()
  const stop = new AbortController()
  const fast = { answerTimeoutMs: 50, lostAfterMs: 60_000 }
  const sensors = [
    new ObdSensor(obd.config.parse({ ...fast, defaultEveryMs: 20, codesEveryMs: 50 }) as never),
    new UdsSensor(
      uds.config.parse({
        ...fast,
        countSignal: 'Uds.Count',
        ecus: [{ name: 'e', request: 0x7e0, response: 0x7e8, codes: { everyMs: 50 } }],
      }) as never,
    ),
    new J1939Sensor(j1939.config.parse({ countSignal: 'Truck.Count', address: 0xf9 }) as never),
  ]
  const running = sensors.map((sensor) => sensor.run(recorder, stop.signal))
  const failed = Promise.race(running.map((run) => run.then(() => assert.fail('ended'))))
  failed.catch(() => {})
  await Promise.race([recorder.until(() => recorder.opens === 3), failed])
  const standard = [0x7e8, 0x7e0, 0x7df]
  const extended = [
    0x18eb00ff, 0x18ecff03, 0x18ecf903, 0x18ebf903, 0x18feca00, 0x18eeff05, 0x18eaff00,
  ]
  const heads = [0x02, 0x07, 0x10, 0x21, 0x22, 0x30, 0x31, 0x32]
  for (let i = 0; i < NOISE; i++) {
    const bytes = Uint8Array.from({ length: random.integer(0, 8) }, () => random.integer(0, 255))
    if (random.next() < 0.5) {
      if (bytes.length > 0) bytes[0] = heads[random.integer(0, heads.length - 1)]
      // Never a request to clear codes: that would be obeyed.
      if (bytes[1] === 0x04 || bytes[1] === 0x14) bytes[1] = 0x01
      noise.send(standard[random.integer(0, 2)], false, bytes)
    } else noise.send(extended[random.integer(0, extended.length - 1)], true, bytes)
    if (i % 20 === 0) await Promise.race([recorder.wire.settled(), failed])
  }
  const before = recorder.told.length
  const again = (name: string, value: number) =>
    recorder.told.slice(before).some((r) => r.name === name && r.value === value)
  await Promise.race([recorder.until(() => again('Dtc.Count', 1) && again('Uds.Count', 1)), failed])
  const id = 0x0cf00403
  noise.send(id, true, Uint8Array.of(255, 255, 255, 0, 0x10, 255, 255, 255))
  await Promise.race([recorder.until(() => again('J1939.03.EEC1.EngineSpeed', 512)), failed])
  stop.abort()
  await Promise.all(running)
})
