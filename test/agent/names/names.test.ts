import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Buses } from '../../../agent/buses.ts'
import { parseConfig } from '../../../agent/config/load.ts'
import { loadDecoder } from '../../../agent/decoding.ts'
import { AgentError } from '../../../agent/error.ts'
import { makeLogger } from '../../../agent/log.ts'
import { NamedReadings } from '../../../agent/names/named-readings.ts'
import { Names } from '../../../agent/names/names.ts'
import { FrameBatch } from '../../../sensors/frame.ts'
import { ReadingBatch, SignalCatalog } from '../../../sensors/reading.ts'
import { milepost } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'

const DBC = `BO_ 291 Engine: 8 A
 SG_ Speed : 0|16@1+ (0.5,0) [0|0] "km/h" A
 SG_ Coolant : 16|8@1+ (1,-40) [0|0] "degC" A
 SG_ Load : 24|8@1+ (1,0) [0|0] "" A
 SG_ Raw : 32|8@1+ (1,0) [0|0] "" A
BO_ 292 Other: 1 A
 SG_ Speed : 0|8@1+ (1,0) [0|0] "m/s" A
`
const HEAD = `vehicle: v
sensors: [{ id: r, kind: replay, file: x.log }]
buses: { can0: { dbc: [car.dbc] } }
names:
`

async function decoder(t: Parameters<typeof tempDir>[0], names: string) {
  const dir = tempDir(t)
  writeFileSync(join(dir, 'car.dbc'), DBC)
  const config = parseConfig(HEAD + names, join(dir, 'milepost.yaml'))
  const catalog = new SignalCatalog()
  const log = makeLogger('silent')
  const { decoder } = await loadDecoder(config, new Buses(), catalog, new Names(config, log), log)
  return { catalog, decoder: decoder!, file: config.file }
}

describe('names', () => {
  test('give signals another name and unit, converted in the decoder', async (t) => {
    const { catalog, decoder: decode } = await decoder(
      t,
      `  Engine.Speed: { name: Vehicle.Speed, unit: m/s }
  Engine.Coolant: { name: Vehicle.ECT, unit: degF }
  Engine.Load: { name: Vehicle.Load, unit: '%' }
`,
    )
    const frames = new FrameBatch(1)
    frames.count = 1
    frames.id[0] = 291
    frames.length[0] = 8
    frames.data.set([72, 0, 140, 55, 9])
    const out = new ReadingBatch()
    decode.decode(frames, out, () => assert.fail('the batch has room'))
    const seen = Array.from({ length: out.count }, (_, i) => {
      const { name, unit } = catalog.at(out.signal[i])
      return [name, out.value[i], unit]
    })
    assert.deepEqual(seen, [
      ['Vehicle.Speed', 10, 'm/s'],
      ['Vehicle.ECT', 212, 'degF'],
      ['Vehicle.Load', 55, '%'],
      ['Engine.Raw', 9, ''],
    ])
  })

  test('what cannot be converted is refused with file and line', async (t) => {
    for (const [names, line, reason] of [
      [
        '  Engine.Coolant: C\n  Engine.Speed: { name: S, unit: bar }\n',
        6,
        '"km/h" (speed) to "bar" (pressure)',
      ],
      ['  Engine.Speed: { name: S, unit: kmmh }\n', 5, '"kmmh" is no unit'],
      [
        '  Engine.Speed: { name: S, unit: km/h, from: psi }\n',
        5,
        '"psi" (pressure) to "km/h" (speed)',
      ],
      [
        '  Engine.Speed: { name: S, unit: km/h }\n  Other.Speed: S\n',
        6,
        '"S" is in "m/s" here, and in "km/h"',
      ],
    ] as const) {
      await assert.rejects(decoder(t, names), (error: unknown) => {
        assert.ok(error instanceof AgentError)
        assert.equal(error.code, 'CONFIG_INVALID')
        assert.match(error.message, new RegExp(`milepost.yaml:${line}: names\\.`))
        assert.ok(error.message.includes(reason), error.message)
        return true
      })
    }
  })

  test('from says what a source is really in', async (t) => {
    const { catalog } = await decoder(t, '  Engine.Speed: { name: S, unit: km/h, from: m/s }\n')
    assert.equal(catalog.find('S')?.unit, 'km/h')
  })

  test('apply to what sensors deliver as readings; what does not fit stays as it was', () => {
    const config = parseConfig(
      `${HEAD}  Gps.Speed: { name: Vehicle.Speed, unit: km/h }\n  Gps.Height: { name: H, unit: bar }\n`,
      '/etc/milepost.yaml',
    )
    const catalog = new SignalCatalog()
    const named = new NamedReadings(
      new Names(config, makeLogger('silent')),
      catalog,
      makeLogger('silent'),
    )
    const batch = new ReadingBatch()
    batch.push(catalog.intern('Gps.Speed', 'm/s').index, 10, 1)
    batch.push(catalog.intern('Gps.Height', 'm').index, 440, 2)
    batch.push(catalog.intern('Gps.Speed', 'm/s').index, 20, 3)
    const seen: unknown[] = []
    named.apply(batch, (given) => {
      for (let i = 0; i < given.count; i++) {
        seen.push([catalog.at(given.signal[i]).name, given.value[i], given.timeUs[i]])
      }
    })
    assert.deepEqual(seen, [
      ['Vehicle.Speed', 36, 1],
      ['Gps.Height', 440, 2],
      ['Vehicle.Speed', 72, 3],
    ])
    assert.equal(batch.value[0], 10)
  })

  test('milepost run refuses names and conditions that do not fit, with file, line and nearest name', async (t) => {
    const dir = tempDir(t)
    writeFileSync(join(dir, 'car.dbc'), DBC)
    const file = join(dir, 'milepost.yaml')
    const campaign = (when: string): string =>
      `  Engine.Speed: Vehicle.Speed\ncampaigns:\n  - id: fast\n    signals: ['*']\n    when: ${when}\n`
    for (const [text, expected] of [
      [
        '  Engine.Speed: { name: S, unit: bar }\n',
        ':5: names.Engine.Speed: cannot convert "km/h" (speed) to "bar" (pressure)',
      ],
      [
        campaign('Vehicle.Sped > 100'),
        ':9: campaigns[0].when: no signal is called "Vehicle.Sped"; did you mean "Vehicle.Speed"?',
      ],
      [
        campaign('Vehicle.Speed'),
        ':9: campaigns[0].when: it gives a double, expected true or false',
      ],
    ]) {
      writeFileSync(file, HEAD + text)
      const { code, stderr } = await milepost('run', '-c', file)
      assert.equal(code, 2, stderr)
      assert.ok(stderr.includes(`CONFIG_INVALID: ${file}${expected}`), stderr)
    }
  })
})
