import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { LANES } from '../../sync/record.ts'
import { BUILT } from '../support/cli.ts'
import { type KillsReport, runKills } from './kills-run.ts'

const SEED = 20_261_123
const KILLS = 8
/** Fewer: what differs from exactly-once is only what a reader may see. */
const AT_LEAST_ONCE_KILLS = 4

/** Every record is there, in order once copies are dropped, and copies are copies. */
function assertAllThere(t: TestContext, report: KillsReport): void {
  const { account, cuts, brokerStops, brokerKills } = report
  const duplicated = account.epochs.reduce((sum, epoch) => sum + epoch.duplicated, 0)
  t.diagnostic(
    `${account.records} records, ${duplicated} duplicated, ${report.kills} kills, ${cuts} cuts, broker ${brokerStops} stopped, ${brokerKills} killed`,
  )
  assert.ok(cuts > 0 && brokerStops > 0 && brokerKills > 0, 'each kind of trouble was there')
  assert.ok(account.records > 100 * LANES.length, 'the agents were under load')
  assert.equal(account.epochs.length, 2)
  for (const { lastSeq, vehicle, missing, outOfOrder, present, ledgered } of account.epochs) {
    assert.deepEqual({ missing, outOfOrder }, { missing: 0, outOfOrder: 0 }, vehicle)
    assert.equal(present + ledgered, lastSeq)
  }
  assert.equal(report.falseCopies, 0)
}

test(`${KILLS} kills under load, link and broker failing (seed ${SEED}): the account balances`, async (t) => {
  const report = await runKills({ seed: SEED, kills: KILLS, built: BUILT })
  assertAllThere(t, report)
  for (const { duplicated, vehicle } of report.account.epochs) assert.equal(duplicated, 0, vehicle)
})

test(`${AT_LEAST_ONCE_KILLS} kills at least once (seed ${SEED}): nothing lost, and a reader can drop what came twice`, async (t) => {
  const options = { seed: SEED, kills: AT_LEAST_ONCE_KILLS, built: BUILT }
  assertAllThere(t, await runKills({ ...options, delivery: 'at-least-once' }))
})
