import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseConfig } from '../../../agent/config/load.ts'
import { AgentError } from '../../../agent/error.ts'

const cases = join(import.meta.dirname, 'cases')

for (const name of readdirSync(cases)) {
  test(`a config that must be refused: ${name}`, () => {
    const text = readFileSync(join(cases, name, 'milepost.yaml'), 'utf8')
    const expected = readFileSync(join(cases, name, 'expected.txt'), 'utf8').trim()
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
