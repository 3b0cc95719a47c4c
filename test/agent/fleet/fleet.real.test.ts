import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulateFleet } from '../../../agent/fleet/fleet.ts'
import { limitOf } from '../../../agent/fleet/limit.ts'
import { fleetReport } from '../../../agent/fleet/report.ts'
import { useCentral } from '../../support/central.ts'
import { milepost } from '../../support/cli.ts'
import { needPrograms } from '../../support/programs.ts'

needPrograms({ mosquitto: 'mosquitto', openssl: 'openssl' })
const central = await useCentral()

test('a small fleet, its relay killed once: every record of every vehicle is on Kafka, once', async () => {
  const steps: string[] = []
  const options = {
    ...{ vehicles: 60, connections: 7, recordsPerSec: 200, records: 15, kills: 1, partitions: 2 },
    ...{ bootstrap: central.bootstrap, signal: new AbortController().signal },
    onStep: (step: string) => steps.push(step),
    onProgress: () => {},
  }
  const result = await simulateFleet(options)
  const report = fleetReport(result, options)
  assert.deepEqual(
    [report.records, report.inKafka, report.missing, report.duplicated, report.outOfOrder],
    [900, 900, 0, 0, 0],
  )
  assert.equal(report.balanced, true)
  assert.equal(report.killed, 1)
  assert.equal(result.account.epochs.length, 60)
  assert.ok(result.account.epochs.every(({ present, lastSeq }) => present === 15 && lastSeq === 15))
  assert.ok(steps.some((step) => step.includes('kill -9')))
  const { cpuUs } = limitOf(result, options.recordsPerSec)
  assert.deepEqual(Object.keys(cpuUs).sort(), ['mosquitto', 'relay', 'vehicles'])
  assert.ok(Object.values(cpuUs).every((us) => us > 0))
})

test('the command says what it found, for a program too', async () => {
  const { stdout, code } = await milepost(
    ...['fleet', 'simulate', '--vehicles', '20', '--rate', '50', '--seconds', '2', '--json'],
    ...['--bootstrap', central.bootstrap],
  )
  const report = JSON.parse(stdout)
  assert.equal(code, 0)
  assert.deepEqual([report.vehicles, report.records, report.balanced], [20, 100, true])
})

test('a wrong number is told before anything is started', async () => {
  const { stderr, code } = await milepost('fleet', 'simulate', '--vehicles', 'many')
  assert.equal(code, 2)
  assert.match(stderr, /whole number/)
})
