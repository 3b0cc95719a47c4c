import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { kernelSynced } from '../../../agent/time/adjtimex.ts'
import { ClockTrust } from '../../../agent/time/clock-trust.ts'
import { Timekeeper } from '../../../agent/time/timekeeper.ts'
import { LANES } from '../../../sync/record.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { openOutbox, readAll, record } from '../../sync/support.ts'

const YEAR_2026_US = Date.UTC(2026, 5, 1) * 1000
const DECADE_US = 10 * 365 * 86_400 * 1e6

/** A clock that is told what to say, a real outbox, and a timekeeper between them. */
function scene(t: TestContext, wallUs: number, path = join(tempDir(t), 'o.db')) {
  const outbox = openOutbox(t, { path })
  /** `kept`: the kernel's word; undefined where it cannot be asked. */
  const now = { wallUs, monoUs: 1_000_000, kept: undefined as boolean | undefined }
  const clock = { nowUs: () => now.wallUs, monoUs: () => now.monoUs, kept: () => now.kept }
  const trust = new ClockTrust(clock)
  const jumps: number[] = []
  const repairs: [number, string][] = []
  const keeper = new Timekeeper({
    trust,
    repair: async (offsetUs) => outbox.repairTimes('boot-1', offsetUs),
    jumped: (byUs) => jumps.push(byUs),
    repaired: (records, source) => repairs.push([records, source]),
    failed: (error) => assert.fail(error as Error),
  })
  const pass = (us: number, jumpUs = 0) => {
    now.monoUs += us
    now.wallUs += us + jumpUs
    keeper.look()
  }
  /** A record in each lane, with what the clock is worth now. */
  const keep = () => {
    const { nowUs, monoUs, state } = trust.now()
    outbox.append(LANES.map((lane) => record(lane, 'x', { clock: state, timeUs: nowUs, monoUs })))
    return state
  }
  return { outbox, now, trust, jumps, repairs, keeper, pass, keep }
}

test('it starts in 1970; when the clock is set, what waits gets its time, and order stays', async (t) => {
  const { outbox, now, jumps, repairs, keeper, pass, keep } = scene(t, 5_000_000)
  keep()
  pass(2_000_000)
  keep()
  const bySeq = readAll(outbox).map(({ seq }) => seq)
  pass(1_000_000, YEAR_2026_US)
  await keeper.idle()
  assert.deepEqual([jumps, repairs], [[YEAR_2026_US], [[6, 'clock']]])
  const rows = readAll(outbox)
  assert.deepEqual(
    rows.map(({ seq }) => seq),
    bySeq,
  )
  for (const row of rows) {
    assert.equal(row.clock, 'repaired')
    assert.equal(row.timeUs, row.monoUs + now.wallUs - now.monoUs)
  }
})

test('jumps back and forward, also by ten years, are told and change no record that had its time', async (t) => {
  const { outbox, jumps, repairs, keeper, pass, keep } = scene(t, YEAR_2026_US)
  keep()
  const before = readAll(outbox)
  pass(1_000_000, -3_600_000_000)
  pass(1_000_000, DECADE_US)
  pass(1_000_000, 200_000)
  await keeper.idle()
  // The first look asks whether an earlier run left something.
  assert.deepEqual([jumps, repairs], [[-3_600_000_000, DECADE_US], [[0, 'clock']]])
  assert.deepEqual(readAll(outbox), before)
})

test('a satellite tells the time while the clock does not; not more often than is of use', async (t) => {
  const { outbox, now, repairs, keeper, keep } = scene(t, 5_000_000)
  keep()
  keeper.satellite(5_000_000, now.monoUs)
  for (let i = 0; i < 3; i++) keeper.satellite(YEAR_2026_US + i * 1e6, now.monoUs + i * 1e6)
  await keeper.idle()
  assert.deepEqual(repairs, [[3, 'satellite']])
  assert.equal(readAll(outbox)[0].timeUs, YEAR_2026_US)
})

test('a year that looks right is not enough: the time from before the power went is repaired', async (t) => {
  const { outbox, now, jumps, repairs, keeper, pass, keep } = scene(t, YEAR_2026_US)
  now.kept = false
  pass(1_000_000)
  assert.equal(keep(), 'unsynced')
  const nineDaysUs = 9 * 86_400 * 1e6
  now.kept = true
  pass(1_000_000, nineDaysUs)
  await keeper.idle()
  assert.deepEqual([jumps, repairs], [[nineDaysUs], [[3, 'clock']]])
  assert.equal(keep(), 'synced')
  const [first] = readAll(outbox)
  assert.deepEqual([first.clock, first.timeUs], ['repaired', YEAR_2026_US + nineDaysUs + 1_000_000])
})

test('a clock that nobody keeps and a satellite confirms is believed; one that it denies is not', async (t) => {
  const { now, trust, repairs, keeper, pass, keep } = scene(t, YEAR_2026_US)
  now.kept = false
  pass(1_000_000)
  assert.equal(keep(), 'unsynced')
  keeper.satellite(now.wallUs + 7_200e6, now.monoUs)
  await keeper.idle()
  assert.deepEqual(repairs, [[3, 'satellite']])
  assert.equal(keep(), 'unsynced')
  keeper.satellite(now.wallUs - 800_000, now.monoUs)
  await keeper.idle()
  assert.deepEqual(repairs.slice(1), [[3, 'satellite']])
  assert.deepEqual([keep(), trust.now().by], ['synced', 'satellite'])
})

test('what an earlier run in this boot kept without a time gets it too', async (t) => {
  const path = join(tempDir(t), 'o.db')
  const before = scene(t, 5_000_000, path)
  before.keep()
  before.outbox.close()
  const { outbox, now, repairs, keeper, pass } = scene(t, YEAR_2026_US, path)
  now.kept = true
  pass(1_000_000)
  await keeper.idle()
  assert.deepEqual(repairs, [[3, 'clock']])
  assert.ok(readAll(outbox).every(({ clock }) => clock === 'repaired'))
  pass(1_000_000)
  await keeper.idle()
  assert.equal(repairs.length, 1)
})

test('the kernel says whether its clock is kept', (t) => {
  const answer = kernelSynced()
  t.diagnostic(`adjtimex: ${answer}`)
  assert.equal(typeof answer, process.platform === 'linux' ? 'boolean' : 'undefined')
})
