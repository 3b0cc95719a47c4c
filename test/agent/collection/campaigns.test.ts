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
