import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Agent } from '../../../agent/agent.ts'
import { loadConfig } from '../../../agent/config/load.ts'
import { makeLogger } from '../../../agent/log.ts'
import { ROOT, writeConfig } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'
import { openOutbox, readAll } from '../../sync/support.ts'

const YEAR_2026_US = Date.UTC(2026, 5, 1) * 1000
const TEN_YEARS_US = 10 * 365 * 86_400 * 1e6

/** A real agent under load, whose wall clock a test sets while monotonic time goes on. */
async function drive(t: TestContext, startUs: number, kept: boolean, clock = {}) {
  const dir = tempDir(t)
  const config = loadConfig(
    writeConfig(dir, {
      clock,
      sensors: [{ id: 'sim', kind: 'simulator', speed: 5 }],
      buses: { can0: { dbc: [join(ROOT, 'sensors/simulator/vehicle.dbc')] } },
      campaigns: [{ id: 'all', signals: ['*'], sampleEveryMs: 50 }],
    }),
  )
  const monoUs = () => Number(process.hrtime.bigint() / 1000n)
  const wall = { offsetUs: startUs - monoUs(), kept }
  const machine = { nowUs: () => monoUs() + wall.offsetUs, monoUs, kept: () => wall.kept }
  const agent = await Agent.start(config, makeLogger('silent'), machine)
  t.after(() => agent.stop())
  const keepSome = async () => {
    const until5 = agent.status().records + 5
    await until('it keeps records', () => agent.status().records >= until5)
  }
  /** Stops it; answers what lies in its outbox, by `seq`. */
  const end = async () => {
    await agent.stop()
    const outbox = openOutbox(t, { path: join(dir, 'data/outbox.db'), vehicle: 'test-1' })
    return readAll(outbox).sort((a, b) => a.seq - b.seq)
  }
  return { agent, wall, keepSome, end }
}

test('from 1970 to today: what waited gets its time, what follows has it, the order is that of seq', async (t) => {
  const { agent, wall, keepSome, end } = await drive(t, 5_000_000, false)
  await keepSome()
  assert.equal(agent.status().clock, 'unsynced')
  wall.offsetUs += YEAR_2026_US
  wall.kept = true
  await until('the clock is believed', () => agent.status().clock === 'synced')
  assert.equal(agent.status().clockBy, 'kernel')
  await keepSome()
  const rows = await end()
  assert.deepEqual(new Set(rows.map(({ clock }) => clock)), new Set(['repaired', 'synced']))
  for (const row of rows) {
    assert.ok(row.timeUs > YEAR_2026_US, `${row.seq} is of ${new Date(row.timeUs / 1000)}`)
    if (row.clock !== 'repaired') continue
    // The two clocks are read one after the other.
    assert.ok(Math.abs(row.timeUs - row.monoUs - wall.offsetUs) < 1e6, `${row.seq}`)
  }
})

for (const [what, byUs] of [
  ['ten years forward', TEN_YEARS_US],
  ['an hour back', -3_600e6],
] as const) {
  test(`${what} without anybody's word: from there on records say so, and are repaired when it is known`, async (t) => {
    const { agent, wall, keepSome, end } = await drive(t, YEAR_2026_US, true)
    await keepSome()
    wall.kept = false
    wall.offsetUs += byUs
    assert.equal(agent.status().clock, 'unsynced')
    await keepSome()
    wall.offsetUs -= byUs
    wall.kept = true
    await until('the clock is believed', () => agent.status().clock === 'synced')
    await keepSome()
    const rows = await end()
    assert.ok(rows.some(({ clock }) => clock === 'repaired'))
    assert.ok(rows.every(({ clock }) => clock !== 'unsynced'))
    const dayUs = 86_400 * 1e6
    for (const row of rows) {
      assert.ok(row.timeUs >= YEAR_2026_US && row.timeUs < YEAR_2026_US + dayUs, `${row.seq}`)
    }
  })
}

test('with a battery the time is believed though nobody keeps it', async (t) => {
  const { agent, keepSome, end } = await drive(t, YEAR_2026_US, false, { battery: true })
  await keepSome()
  assert.deepEqual([agent.status().clock, agent.status().clockBy], ['synced', 'battery'])
  assert.ok((await end()).every(({ clock }) => clock === 'synced'))
})
