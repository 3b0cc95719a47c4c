import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { BENCHES } from '../benches.ts'
import { fleetRows, killsRows } from './long-runs.ts'
import { measure } from './measure.ts'
import { MEASUREMENTS, type Measurement } from './measurements.ts'
import { figuresPage } from './page.ts'
import { readRecorded, recordedSchema, writeRecorded } from './recorded.ts'

const row = {
  name: 'rows | read',
  unit: 'rows/s',
  ours: 1234.5,
  peer: 'a peer',
  theirs: 2,
  ratio: 617.25,
}
/** Answers what `npm run` would: a line of its own, then the JSON. */
const fake = (json: string): Measurement => ({
  name: 'fake',
  about: 'A trial.',
  command: `printf '\\n> milepost bench\\n\\n%s\\n' '${json}'`,
  rows: (output) => recordedSchema.shape.rows.parse(output),
})
const running = new AbortController().signal

test('the page is what the recorded figures give', () => {
  const page = readFileSync(join(ROOT, 'deploy/guides/figures.md'), 'utf8')
  assert.equal(page, figuresPage(readRecorded(), MEASUREMENTS), 'out of date: npm run figures')
})

test('every bench can be recorded, and what is recorded can be measured again', () => {
  const names = MEASUREMENTS.map(({ name }) => name)
  for (const bench of Object.keys(BENCHES)) assert.ok(names.includes(bench), bench)
  assert.equal(new Set(names).size, names.length)
  for (const { name } of readRecorded()) assert.ok(names.includes(name), name)
})

test('what a command tells is recorded with machine, day and commit, and read back', async (t) => {
  const dir = tempDir(t)
  const recorded = await measure(fake(JSON.stringify([row, { ...row, theirs: null }])), running)
  writeRecorded(recorded, dir)
  assert.deepEqual(readRecorded(dir), [recorded])
  assert.equal(recorded.machine.node, process.version)
  const page = figuresPage([recorded], [fake('')])
  assert.match(page, /^\| rows \\\| read \| 1,235 \| rows\/s \| 617 \| a peer \| 2 \|$/m)
  assert.match(page, /^\| rows .* \| — \|$/m)
  assert.match(page, new RegExp(`commit ${recorded.commit.replace('+', '\\+')}`))
  assert.doesNotMatch(page, /Not recorded yet/)
})

test('a busy machine is called busy, and what nobody measured is said', async () => {
  const recorded = await measure(fake(JSON.stringify([row])), running)
  const busy = { ...recorded, machine: { ...recorded.machine, loadBefore: 99 } }
  const page = figuresPage([busy], [fake(''), { ...fake(''), name: 'other' }])
  assert.match(page, /the machine was busy: load 99/)
  assert.match(page, /## Not recorded yet\n\n- other:/)
})

test('a command that fails, and one that tells no rows, record nothing', async () => {
  await assert.rejects(measure({ ...fake(''), command: 'exit 3' }, running), /ended with 3/)
  await assert.rejects(
    measure({ ...fake(''), command: 'echo hello' }, running),
    /did not end in JSON/,
  )
  await assert.rejects(measure(fake('[]'), running), /too_small/i)
  await assert.rejects(measure(fake('[{"name":"x"}]'), running), /invalid/i)
})

test('a fleet and a run of kills become rows', () => {
  const loss = { missing: 0, duplicated: 2, outOfOrder: 0 }
  const fleet = fleetRows({
    ...{ vehicles: 10, connections: 2, askedPerSec: 100, records: 50, inKafka: 52, ...loss },
    ...{ confirmedPerSec: 50, forwardedPerSec: 40, confirmP50Ms: 3, confirmP99Ms: 9, busy: 0.5 },
    ...{ others: 0.2, idle: 0.3, threads: [{ thread: 'relay', ran: 0.9, waited: 0.05 }] },
    ...{ cpuUs: { relay: 20, kafka: 30 }, named: 'the one thread of relay' },
  })
  const of = (rows: typeof fleet, name: string) => rows.find((each) => each.name === name)
  assert.equal(of(fleet, 'records in Kafka')?.ratio, 0.4)
  assert.deepEqual(
    [of(fleet, 'records duplicated')?.ours, of(fleet, 'records lost')?.ratio],
    [2, 1],
  )
  assert.ok(of(fleet, 'the limit: the one thread of relay'))
  const kills = killsRows({
    ...{ kills: 7, cuts: 1, brokerStops: 1, brokerKills: 2 },
    account: { records: 99, epochs: [loss, loss] },
  })
  assert.deepEqual(
    [of(kills, 'broker stopped or killed')?.ours, of(kills, 'records duplicated')?.ours],
    [3, 4],
  )
})
