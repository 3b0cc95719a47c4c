import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeCampaigns } from '../../../agent/collection/campaigns.ts'
import { parseConfig } from '../../../agent/config/load.ts'
import type { Logger } from '../../../agent/log.ts'
import { SignalCatalog } from '../../../sensors/reading.ts'

test('a name that nothing delivers as yet is told of, in a condition as among the signals', () => {
  const config = parseConfig(
    `vehicle: truck-1
sensors: [{ id: sim, kind: simulator }]
campaigns:
  - id: fast
    signals: [Engine.Rpmm, Engine.*]
    when: Engine.Rpmm > 3000 && Engine.Rpm > 0
    until: Engine.Spedd < 1
`,
    '/etc/milepost.yaml',
  )
  const told: string[] = []
  const log = { warn: (_: object, text: string) => told.push(text) } as unknown as Logger
  const names = ['Engine.Rpm', 'Engine.Speed']
  // Where a sensor may bring any name, a condition with one that nobody knows is not refused.
  const known = { has: (name: string) => names.includes(name), all: () => names, open: true }
  const fetch = () => assert.fail('nothing is asked')
  assert.equal(makeCampaigns(config, { catalog: new SignalCatalog(), known, fetch }, log).length, 1)
  const said = (line: number, name: string, meant: string) =>
    `/etc/milepost.yaml:${line}: no signal is called "${name}" as yet; did you mean "${meant}"?`
  assert.deepEqual(told, [
    said(5, 'Engine.Rpmm', 'Engine.Rpm'),
    said(6, 'Engine.Rpmm', 'Engine.Rpm'),
    said(7, 'Engine.Spedd', 'Engine.Speed'),
  ])
})

test('what is fetched is checked against the sensors: every mistake with its line and what was meant', () => {
  const load = (more: string) => {
    const config = parseConfig(
      `vehicle: truck-1
sensors:
  - { id: sim, kind: simulator }
  - { id: obd, kind: obd${more} }
  - id: uds
    kind: uds
    ecus:
      - { name: e, request: 0x7e0, response: 0x7e8, identifiers: [{ id: 0xF190, everyMs: 60000, text: vin }] }
campaigns:
  - id: hot
    signals: ['*']
    when: Engine.Rpm > 3000
    fetch:
      - { sensor: odb, what: 01 05 }
      - { sensor: obd, what: 01 0D }
      - { sensor: obd, what: 01 OC }
      - { sensor: obd, what: codez }
      - { sensor: obd, what: '04' }
      - { sensor: sim, what: 01 05 }
      - { sensor: uds, what: 22 f190 }
      - { sensor: uds, what: 22 F109 }
  - { id: broken, signals: ['*'], when: Engine.Rpm > }
`,
      '/etc/milepost.yaml',
    )
    const known = { has: () => true, all: () => [], open: true }
    const log = {} as Logger
    return () =>
      makeCampaigns(config, { catalog: new SignalCatalog(), known, fetch: assert.fail }, log)
  }
  const refused = (make: () => unknown): string[] => {
    try {
      make()
    } catch (error) {
      return (error as Error).message.replaceAll('/etc/milepost.yaml:', '').split('\n')
    }
    return []
  }
  const lines = refused(load(''))
  const expected = 'expected codes, identification, 04, or a PID that milepost knows, such as 01 0C'
  assert.deepEqual(lines.slice(0, 6), [
    '14: campaigns[0].fetch[0].sensor: no sensor is called "odb"; did you mean "obd"?',
    `16: campaigns[0].fetch[2].what: "01 OC" cannot be asked of obd: ${expected}; did you mean "01 0C"?`,
    `17: campaigns[0].fetch[3].what: "codez" cannot be asked of obd: ${expected}; did you mean "codes"?`,
    '18: campaigns[0].fetch[4].what: "04" cannot be asked of obd: clearing trouble codes is not allowed: set allowClear: true at this sensor',
    '19: campaigns[0].fetch[5].sensor: a sensor of kind simulator cannot be asked for anything',
    '21: campaigns[0].fetch[7].what: "22 F109" cannot be asked of uds: expected one of 22 F190, 19 02; did you mean "22 F190"?',
  ])
  assert.match(lines[6], /^22: campaigns\[1\]\.when: /)
  assert.ok(!refused(load(', allowClear: true')).some((line) => line.startsWith('18:')))
})
