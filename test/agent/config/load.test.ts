import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseConfig } from '../../../agent/config/load.ts'
import { AgentError } from '../../../agent/error.ts'
import type { MqttConfig } from '../../../sensors/mqtt/config.ts'
import { SENSOR_KINDS } from '../../../sensors/registry.ts'

const cases = join(import.meta.dirname, 'cases')

for (const name of readdirSync(cases)) {
  test(`a config that must be refused: ${name}`, () => {
    const text = readFileSync(join(cases, name, 'milepost.yaml'), 'utf8')
    const expected = readFileSync(join(cases, name, 'expected.txt'), 'utf8')
      .trim()
      // So that a new kind of sensor is not a change here.
      .replace('{kinds}', SENSOR_KINDS.map(({ kind }) => kind).join(', '))
    assert.throws(
      () => parseConfig(text, '/etc/milepost.yaml'),
      (error: unknown) => {
        assert.ok(error instanceof AgentError)
        assert.equal(error.code, 'CONFIG_INVALID')
        assert.equal(error.message, expected)
        return true
      },
    )
  })
}

test('paths are taken from where the config stands, and defaults are filled in', () => {
  const config = parseConfig(
    `
vehicle: truck-1
sensors: [{ id: sim, kind: simulator }]
buses: { can0: { dbc: [dbc/a.dbc, /abs/b.dbc] } }
models: [{ bundle: ../bundles/m }]
`,
    '/etc/milepost/milepost.yaml',
  )
  assert.deepEqual(config.buses.can0.dbc, ['/etc/milepost/dbc/a.dbc', '/abs/b.dbc'])
  assert.equal(config.models[0].bundle, '/etc/bundles/m')
  assert.equal(config.dataDir, '/etc/milepost/.milepost/truck-1')
  assert.equal(config.outbox.groupCommitMs, 50)
  assert.deepEqual(config.uplink, { kind: 'none' })
  assert.equal(config.sensors[0].common.bus, 'can0')
})

test('files that a kind of sensor names are taken from where the config stands too', () => {
  const config = parseConfig(
    `
vehicle: truck-1
sensors:
  - id: depot
    kind: mqtt
    url: mqtts://broker:8883
    username: gate
    password: { file: secrets/mqtt }
    tls: { ca: ca.pem, key: /abs/gate.key }
    topics: [{ topic: 'tank/+' }]
`,
    '/etc/milepost/milepost.yaml',
  )
  const { password, tls } = config.sensors[0].config as MqttConfig
  assert.deepEqual(password, { file: '/etc/milepost/secrets/mqtt' })
  assert.deepEqual(tls, { ca: '/etc/milepost/ca.pem', key: '/abs/gate.key' })
})

test('files of an uplink and of a relay are taken from where the config stands', () => {
  const golden = (name: string): string =>
    readFileSync(join(import.meta.dirname, 'paths', name), 'utf8')
  const { uplink, relay } = parseConfig(golden('milepost.yaml'), '/etc/milepost/milepost.yaml')
  assert.deepEqual({ uplink, relay }, JSON.parse(golden('expected.json')))
  const token = parseConfig(golden('token.yaml'), '/etc/milepost/milepost.yaml').uplink
  assert.deepEqual(token, JSON.parse(golden('token.json')))
})
